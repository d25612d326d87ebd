"""The text that Prometheus reads, from the numbers of all processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import isnan

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from sealring.observability.book import Numbers
from sealring.observability.metrics import FAMILIES
from sealring.observability.series import Across, Family, Gauge, Histogram, bound_text, parts

_ACROSS: Mapping[Across, Callable[[Iterable[float]], float]] = {Across.SUM: sum, Across.MOST: max, Across.LEAST: min}

_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_Found = Mapping[tuple[str, ...], Sequence[float]]  # by the values of the labels and the bucket, of each process


def exposition(processes: Iterable[Numbers], accept: str) -> tuple[bytes, str]:
    """Return the text in the format that an Accept header asks for, and its media type.

    That is OpenMetrics 1.0.0, or for anything else that a stranger sends, the text format 0.0.4.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(processes))
    if any(map(_is_openmetrics, accept.split(","))):
        return openmetrics.generate_latest(registry), _OPENMETRICS  # type: ignore[no-untyped-call]  # it has no types
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


def _is_openmetrics(media_range: str) -> bool:
    media_type, *parameters = (each.strip().lower() for each in media_range.split(";"))
    versions = [each for each in parameters if each.startswith("version=")]
    return media_type == "application/openmetrics-text" and versions in ([], ["version=1.0.0"])


class _Collector(Collector):
    def __init__(self, processes: Iterable[Numbers]) -> None:
        self._processes = processes

    def collect(self) -> Iterator[Metric]:
        found: dict[str, dict[tuple[str, ...], list[float]]] = {}
        for numbers in self._processes:
            for name, number in numbers.items():
                of, *rest = parts(name)
                if not isnan(number):
                    found.setdefault(of, {}).setdefault(tuple(rest), []).append(number)
        for family in FAMILIES:  # what another version of the server counts beside us is not told
            yield _metric(family, found.get(family.name, {}))


def _metric(family: Family, found: _Found) -> Metric:
    labels = list(family.labels)
    if isinstance(family, Histogram):
        return _histogram(family, labels, found)
    if isinstance(family, Gauge):
        gauge = GaugeMetricFamily(family.name, family.text, labels=labels)
        for values, numbers in found.items():
            gauge.add_metric(values, _ACROSS[family.across](numbers))
        return gauge
    counter = CounterMetricFamily(family.name, family.text, labels=labels)
    for values, numbers in found.items():
        counter.add_metric(values, sum(numbers))
    return counter


def _histogram(family: Histogram, labels: Sequence[str], found: _Found) -> Metric:
    metric = HistogramMetricFamily(family.name, family.text, labels=labels)
    bounds = [*map(bound_text, family.bounds), bound_text(float("inf"))]
    for values in dict.fromkeys(key[:-1] for key in found):
        counts = accumulate(sum(found.get((*values, bound), ())) for bound in bounds)
        metric.add_metric(values, list(zip(bounds, counts, strict=True)), sum(found.get((*values, "sum"), ())))
    return metric
