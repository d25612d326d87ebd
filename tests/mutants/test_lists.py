"""The lists stay true while the code moves: each mutant is where it says, once, and its tests are there."""

from collections import Counter

import pytest

from mutants.mutant import read_lists
from mutants.run import LISTS, ROOT
from mutants.symbols import Stale, change_of

MUTANTS = read_lists(LISTS)
PACKAGES = {
    *("archive", "auth", "backup", "client", "connect", "crypto", "domain", "http", "keys", "observability", "server"),
    *("portal", "services", "store"),
    *("api", "awskms", "azurekv", "chart", "gcpkms", "hsm", "local", "masterkey"),
}


def staleness(mutant):
    try:
        change = change_of(mutant, ROOT)
    except Stale as stale:
        return f"{mutant}: {stale}"
    return f"{mutant}: it changes nothing" if (ROOT / change.path).read_text() == change.text else None


def test_no_mutant_is_stale():
    assert [said for said in map(staleness, MUTANTS) if said is not None] == []


@pytest.mark.parametrize("test", sorted({test for mutant in MUTANTS for test in mutant.tests}))
def test_the_tests_of_a_mutant_are_there(test):
    path, _, name = test.partition("::")

    assert (ROOT / path).exists()
    assert f"def {name}(" in (ROOT / path).read_text() if name else True


def test_each_package_has_mutants():
    assert set(Counter(mutant.package for mutant in MUTANTS)) == PACKAGES


def test_there_are_two_hundred_at_least():
    assert len(MUTANTS) >= 200
