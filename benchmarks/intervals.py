"""Medians, and how far the true ones may be from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median

FEWEST = 6  # of fewer samples no interval holds in 95 of 100 runs: all of five lie on one side in 1 of 16


@dataclass(frozen=True, slots=True)
class Estimate:
    """`low` and `high` hold the true median between them in at least 95 of 100 runs; None: too few samples for that."""

    median: float
    low: float | None
    high: float | None

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Estimate":
        """Whatever the distribution: a sample is as likely below the true median as above it (the sign test)."""
        ranked, count = sorted(samples), len(samples)
        left_out = 0
        while sum(comb(count, each) for each in range(left_out + 1)) / 2**count <= 0.025:
            left_out += 1
        if not left_out:
            return cls(median(ranked), None, None)
        return cls(median(ranked), ranked[left_out - 1], ranked[count - left_out])

    def interval(self, digits: int = 0) -> str:
        if self.low is None or self.high is None:
            return f"needs {FEWEST} rounds"
        return f"{self.low:,.{digits}f}-{self.high:,.{digits}f}"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return the ratio in each round: what disturbed the machine then disturbed both."""
    return [mine / its for mine, its in zip(ours, theirs, strict=True)]
