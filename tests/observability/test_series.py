"""Metrics say nothing of tenants: the names and values of all labels are a closed set."""

import re

import pytest

from sealring.observability import metrics
from sealring.observability.series import MEMORY, Counter, Histogram, Words

LABELS = {
    "version", "method", "route", "status", "reason", "outcome", "cache", "durability", "check", "provider", "op",
    "cause",
}  # fmt: skip


def test_the_names_of_labels_are_a_closed_set():
    assert {label for family in metrics.FAMILIES for label in family.labels} == LABELS


def test_the_values_of_labels_are_words_of_ours():
    words = {word for family in metrics.FAMILIES for words in family.labels.values() for word in words}

    assert [word for word in words if not re.fullmatch(r"[A-Za-z0-9_. +-]{1,32}|(/[a-z0-9_.{}-]*)+", word)] == []


@pytest.mark.parametrize("word", ["org_acme", "", "x\ty", "a\nb", 'a"b', "é"])
def test_a_value_that_is_not_known_counts_as_other(word):
    family = Counter("sealring_test_total", "A test.", reason=Words("known"))

    assert family.named({"reason": word}) == "sealring_test_total\tother"


@pytest.mark.parametrize("word", ["a\tb", "a\nb", 'a"b', "a\\b", "a\0b"])
def test_a_word_that_would_break_the_format_is_never_known(word):
    words = Words()
    words.add(word)

    assert words.of(word) == "other"


def test_every_family_has_our_prefix_and_a_name_as_prometheus_wants_it():
    for family in metrics.FAMILIES:
        assert re.fullmatch(r"sealring_[a-z_]+", family.name)
        assert family.name.endswith("_total") == isinstance(family, Counter)
        assert family.name.endswith("_seconds") or not isinstance(family, Histogram)
        assert family.text.endswith(".")


def test_a_duration_falls_into_the_bucket_of_the_first_bound_that_is_not_less():
    durations = Histogram("sealring_test_seconds", "A test.", (0.1, 0.5)).of()

    for seconds in (0.05, 0.1, 0.2, 0.5, 7.0):
        durations.observe(seconds)

    numbers = {name: number for name, number in MEMORY.numbers().items() if name.startswith("sealring_test_seconds")}
    assert numbers == {
        "sealring_test_seconds\t0.1": 2.0,
        "sealring_test_seconds\t0.5": 2.0,
        "sealring_test_seconds\t+Inf": 1.0,
        "sealring_test_seconds\tsum": pytest.approx(7.85),
    }
