"""Metrics say nothing of tenants: the names and values of all labels are a closed set."""

import re
from typing import get_args

import pytest

from docs.markdown import ROOT
from sealring.admission.problems import PROBLEMS
from sealring.auth.tokens import _REFUSED_MEMBERS
from sealring.errors import KeyFailure, Overloaded, QuotaExceeded, RateLimited, TooManyRequests, Whose
from sealring.observability import metrics, refusals
from sealring.observability.exposition import exposition
from sealring.observability.series import MEMORY, Counter, Histogram, Words
from support.scraping import samples, total

LABELS = {
    "version", "method", "route", "status", "reason", "outcome", "cache", "durability", "check", "provider", "op",
    "cause",
}  # fmt: skip


def test_the_names_of_labels_are_a_closed_set():
    assert {label for family in metrics.FAMILIES for label in family.labels} == LABELS


def test_the_values_of_labels_are_words_of_ours():
    words = {word for family in metrics.FAMILIES for words in family.labels.values() for word in words}

    assert [word for word in words if not re.fullmatch(r"[A-Za-z0-9_. +-]{1,32}|(/[A-Za-z0-9_.{}-]*)+", word)] == []


@pytest.mark.parametrize("word", ["org_acme", "", "x\ty", "a\nb", 'a"b', "é"])
def test_a_value_that_is_not_known_counts_as_other(word):
    family = Counter("sealring_test_total", "A test.", reason=Words("known"))

    assert family.named({"reason": word}) == "sealring_test_total\tother"


@pytest.mark.parametrize("word", ["a\tb", "a\nb", 'a"b', "a\\b", "a\0b"])
def test_a_word_that_would_break_the_format_is_never_known(word):
    words = Words()
    words.add(word)

    assert words.of(word) == "other"


def test_every_reason_to_refuse_a_token_is_known():
    text = "".join(path.read_text() for path in (ROOT / "app/sealring/auth").glob("*.py"))
    reasons = set(re.findall(r'Unauthenticated\("([^"]+)"\)', text)) | _REFUSED_MEMBERS | {"header", "payload", "exp"}

    assert reasons <= set(metrics.AUTH.labels["reason"])


def test_every_failure_of_a_key_and_every_refusal_because_of_a_limit_is_known():
    keys = {each.__name__ for each in PROBLEMS if issubclass(each, KeyFailure)}

    assert keys | {"ok", "IntegrityFailure"} == set(metrics.KMS_CALLS.labels["outcome"])
    for refusal in (*map(limited, get_args(Whose)), TooManyRequests("x"), Overloaded("x"), QuotaExceeded("x")):
        before = total(here(), "sealring_refused_total")
        refusals.count(refusal)
        assert total(here(), "sealring_refused_total") == before + 1
        assert total(here(), "sealring_refused_total", reason="other") == 0


def limited(whose):
    return RateLimited(whose, 1, 1, 1.0)


def here():
    return samples(exposition([MEMORY.numbers()], "")[0].decode())


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
