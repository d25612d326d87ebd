"""How many requests of a run may come to nothing before its figures do."""

from collections.abc import Mapping
from dataclasses import dataclass

from failures import BenchmarkFailed


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the requests of one run."""

    asked: int
    refused: int
    broken: int = 0  # cut off, or not answered in time

    @classmethod
    def of(cls, outcome: Mapping[str, int]) -> "Tally":
        """Of the line that load.lua prints: `requests` counts all that were answered."""
        return cls(outcome["requests"] + outcome["broken"], outcome["refused"], outcome["broken"])

    @property
    def failed(self) -> int:
        return self.refused + self.broken

    @property
    def done(self) -> int:
        return self.asked - self.failed

    def check(self, at_most: float) -> None:
        """Raises BenchmarkFailed if a larger share than `at_most` failed, or nothing was done."""
        if not self.done or self.failed > at_most * self.asked:
            raise BenchmarkFailed(
                f"{self.refused:,} of {self.asked:,} requests were refused, {self.broken:,} lost; {at_most:.0%} may be"
            )

    def __str__(self) -> str:
        return f"{self.failed:,} ({self.failed / self.asked:.2%})" if self.failed else "0"
