"""Metrics as a scraper sees them."""

from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from support.asking import Answer, ask
from support.ports import free_port

Labels = frozenset[tuple[str, str]]
Samples = Mapping[tuple[str, Labels], float]


class Metrics:
    """The port of the metrics of a server: `settings` are the tables that have it there."""

    def __init__(self, more: str = "", port: int | None = None) -> None:
        self.port = port or free_port()
        self.settings = f'\n[server]\nmetrics_bind = "127.0.0.1:{self.port}"\n{more}\n'

    def ask(self, method: str = "GET", path: str = "/metrics", **sent: object) -> Answer:
        return ask(f"http://127.0.0.1:{self.port}", method, path, **sent)

    def text(self) -> str:
        answer = self.ask()
        assert answer.status == 200
        return answer.raw.decode()

    def samples(self) -> Samples:
        return samples(self.text())

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples with these labels, perhaps with others; 0 if there is none."""
        return total(self.samples(), name, **labels)

    def answers(self) -> bool:
        try:
            return self.ask().status == 200
        except OSError:
            return False


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(found: Samples, name: str, **labels: str) -> float:
    return sum(value for (each, has), value in found.items() if each == name and has >= frozenset(labels.items()))


def counts(found: Samples) -> Iterator[tuple[tuple[str, Labels], float]]:
    """The samples that never go back."""
    for key, value in found.items():
        if key[0].endswith(("_total", "_bucket", "_count", "_sum")):
            yield key, value
