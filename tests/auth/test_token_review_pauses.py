"""A pause after failures of a cluster, for the tenant whose calls fail and for no other."""

import threading

import pytest

from auth.review_kit import caller, outcome, require
from sealring.auth import token_reviews
from sealring.auth.exchange import TooManyCalls
from sealring.errors import IssuerUnavailable
from support.waiting import becomes_true


def test_after_a_failure_there_is_a_pause(reviews, said, clock):
    said.failure = OSError("status 503")
    assert outcome(reviews) is IssuerUnavailable
    said.failure = None

    clock.now += 1.9
    assert outcome(reviews) is IssuerUnavailable
    assert len(said.asked) == 1
    clock.now += 0.1
    require(reviews)


NOISY = caller("org_noisy", subject="noisy")
FAILURES = [OSError("status 503"), TimeoutError(), TooManyCalls(1.0), TooManyCalls(None)]


@pytest.mark.parametrize("failure", FAILURES, ids=["status", "timeout", "429", "429-without-a-time"])
def test_no_failure_of_one_tenant_pauses_another(reviews, said, failure):
    said.refused["noisy"] = failure
    assert outcome(reviews, "token-noisy", NOISY) is IssuerUnavailable

    require(reviews, "token-quiet", caller("org_quiet"))
    assert outcome(reviews, "token-noisy-2", NOISY) is IssuerUnavailable

    assert said.asked == [("token-noisy", "noisy"), ("token-quiet", "pod")]


def test_no_call_of_one_tenant_that_is_given_up_pauses_another(reviews, said, monkeypatch):
    monkeypatch.setattr(token_reviews, "WAIT_S", 0.1)
    said.answers.clear()
    assert outcome(reviews, "token-noisy", NOISY) is IssuerUnavailable
    said.answers.set()

    require(reviews, "token-quiet", caller("org_quiet"))


def test_failures_of_several_tenants_pause_no_other(reviews, said):
    said.refused["noisy"] = OSError("status 503")
    for number in range(4):
        noisy = caller(f"org_noisy_{number}", subject="noisy")
        assert outcome(reviews, f"token-{number}", noisy) is IssuerUnavailable

    require(reviews, "token-quiet", caller("org_quiet"))


def test_a_known_token_is_renewed_while_calls_of_another_tenant_fail(reviews, said, clock):
    require(reviews, "token-quiet", caller("org_quiet"))
    said.refused["noisy"] = OSError("status 503")

    for number in range(10):
        clock.now += 2.0
        assert outcome(reviews, f"token-{number}", NOISY) is IssuerUnavailable
        require(reviews, "token-quiet", caller("org_quiet"))
        assert becomes_true(lambda: not reviews._under_way)

    assert 3 <= said.asked.count(("token-quiet", "pod")) <= 4


def test_an_answer_to_another_call_ends_the_pause_of_its_tenant(reviews, said):
    said.answers.clear()
    answered = threading.Thread(target=outcome, args=(reviews, "token-1"))
    answered.start()
    assert becomes_true(lambda: said.asked)
    reviews._pauses.failed(token_reviews._owner(caller("org_a")))
    said.answers.set()
    answered.join()

    require(reviews, "token-2")


def test_a_refusal_of_more_calls_is_a_pause_that_the_cluster_wants(reviews, said, clock):
    """Even without a time: calls that it still answers do not end it, nor does another failure make it longer."""
    said.failure = TooManyCalls(None)
    assert outcome(reviews) is IssuerUnavailable
    said.failure = None
    owner = token_reviews._owner(caller("org_a"))

    reviews._pauses.answered(owner)
    assert outcome(reviews) is IssuerUnavailable
    clock.now += 1.0
    reviews._pauses.failed(owner)
    clock.now += 1.0
    require(reviews)


def test_an_answer_does_not_end_a_pause_that_the_cluster_wants(reviews, said, clock):
    said.answers.clear()
    answered = threading.Thread(target=outcome, args=(reviews, "token-1"))
    answered.start()
    assert becomes_true(lambda: said.asked)
    reviews._pauses.failed(token_reviews._owner(caller("org_a")), 3.0)
    said.answers.set()
    answered.join()

    clock.now += 2.9
    assert outcome(reviews, "token-2") is IssuerUnavailable
    clock.now += 0.1
    require(reviews, "token-2")


@pytest.mark.parametrize(("wanted_s", "pause_s"), [(0.0, 1.0), (1.0, 1.0), (3.0, 3.0), (3_600.0, 4.0), (None, 2.0)])
def test_a_pause_is_as_long_as_the_cluster_wants_within_limits(reviews, said, clock, wanted_s, pause_s):
    said.failure = TooManyCalls(wanted_s)
    assert outcome(reviews) is IssuerUnavailable
    said.failure = None

    clock.now += pause_s - 0.1
    assert outcome(reviews) is IssuerUnavailable
    clock.now += 0.1
    require(reviews)
