"""When a package is good enough."""

import pytest

from mutants.mutant import Mutant
from mutants.score import Fate, Score

MUTANT = Mutant("shop", "eleven", "app", "fits", "<", "<=", ())


@pytest.mark.parametrize(
    ("killed", "survived", "stale", "good"),
    [(0, 0, 0, True), (9, 0, 0, True), (9, 1, 0, False), (10, 1, 0, True), (100, 0, 1, False)],
)
def test_fewer_than_one_of_ten_may_survive_and_none_be_stale(killed, survived, stale, good):
    counts = {Fate.KILLED: killed, Fate.SURVIVED: survived, Fate.STALE: stale}

    assert Score({fate: [MUTANT] * count for fate, count in counts.items()}).good is good
