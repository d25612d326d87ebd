"""What became of the mutants, package by package, and whether that is good enough."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from mutants.mutant import Mutant

SURVIVORS = 0.1  # of the mutants of a package: fewer are allowed


class Fate(Enum):
    KILLED = "killed"  # by a test that fails, or that does not end
    SURVIVED = "SURVIVED"
    STALE = "STALE"  # its text is not there once, or its tests cannot be run: it says nothing any more


@dataclass
class Score:
    """The mutants of one package."""

    of: dict[Fate, list[Mutant]] = field(default_factory=lambda: {fate: [] for fate in Fate})

    def count(self, fate: Fate) -> int:
        return len(self.of[fate])

    @property
    def good(self) -> bool:
        survived = self.count(Fate.SURVIVED)
        few = survived == 0 or survived < SURVIVORS * (survived + self.count(Fate.KILLED))
        return few and not self.count(Fate.STALE)


def table(scores: Mapping[str, Score]) -> Iterator[str]:
    """Yield a line for each package, then one for each mutant that was not killed."""
    yield f"{'package':12}{'killed':>8}{'survived':>10}{'stale':>7}"
    for package, score in scores.items():
        counts = (f"{score.count(fate):{width}}" for fate, width in zip(Fate, (8, 10, 7), strict=True))
        yield f"{package:12}{''.join(counts)}{'' if score.good else '  not good'}"
    for score in scores.values():
        for mutant in score.of[Fate.SURVIVED]:
            yield f"survived: {mutant} in {mutant.symbol}, before {', '.join(mutant.tests)}"
        for mutant in score.of[Fate.STALE]:
            yield f"stale: {mutant} in {mutant.symbol}"
