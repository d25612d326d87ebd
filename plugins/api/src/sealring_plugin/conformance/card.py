"""The performance card, a measurement without a limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import quantiles

from sealring_plugin.conformance.cases import Key, Provider, created_by, unwrap, wrap
from sealring_plugin.conformance.subject import Promises
from sealring_plugin.protocols import ManagedKeys

CARD = "sealring_card"

Line = dict[str, float]


class Card(Promises):
    """Sequential calls of one thread, after a first call."""

    def test_its_speed_is_measured(
        self, provider: Provider, key: Key, record_property: Callable[[str, object], None]
    ) -> None:
        wrapped = wrap(provider, key)
        lines = {
            "wrap": self._line(lambda: wrap(provider, key)),
            "unwrap": self._line(lambda: unwrap(provider, wrapped, key)),
        }
        if isinstance(provider, ManagedKeys):
            lines["create_key"] = self._line(lambda: created_by(provider, "card"))

        record_property(CARD, lines)

    def _line(self, use: Callable[[], object]) -> Line:
        took = []
        for _ in range(max(2, self.card_calls)):
            started = time.perf_counter_ns()
            use()
            took.append((time.perf_counter_ns() - started) / 1000)
        cuts = quantiles(took, n=100, method="inclusive")
        return {
            "ops_per_s": round(1e6 * len(took) / sum(took), 1),
            "p50_us": round(cuts[49], 1),
            "p99_us": round(cuts[98], 1),
        }
