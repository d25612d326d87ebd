"""Token reviews: how long an answer counts, and what is asked."""

import threading

import pytest

from auth.review_kit import authenticator, caller, header, outcome, require
from auth.test_clusters import cluster
from sealring.errors import IssuerUnavailable, Unauthenticated
from support.api_server import ISSUER
from support.waiting import becomes_true


def test_what_the_cluster_accepts_passes(reviews, said):
    require(reviews, "token-1", caller("org_a", subject="billing"))

    assert said.asked == [("token-1", "billing")]


def test_what_the_cluster_refuses_is_unauthenticated(reviews, said):
    said.accepted = False

    with pytest.raises(Unauthenticated) as caught:
        require(reviews)
    assert caught.value.reason == "token review"


def test_without_an_answer_nothing_is_allowed(reviews, said, told):
    said.failure = OSError("status 503")

    with pytest.raises(IssuerUnavailable):
        require(reviews)
    assert told.lines == [("token_review_failed", {"issuer": ISSUER, "host": "api:6443", "reason": "status 503"})]


def test_a_defect_in_the_call_allows_nothing_either(reviews, said, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _about: None)
    said.failure = ZeroDivisionError()

    with pytest.raises(IssuerUnavailable):
        require(reviews)


@pytest.mark.parametrize("accepted", [True, False])
def test_an_answer_counts_for_ten_seconds_at_most(reviews, said, clock, accepted):
    said.accepted = accepted
    first = outcome(reviews)
    said.accepted = not accepted

    clock.now += 4.9
    assert outcome(reviews) is first
    assert len(said.asked) == 1
    clock.now += 5.1
    assert outcome(reviews) is not first
    assert len(said.asked) == 2


def test_an_answer_is_renewed_before_it_is_too_old_and_nobody_waits(reviews, said, clock):
    require(reviews)
    said.answers.clear()

    clock.now += 5.0
    require(reviews)
    require(reviews)
    assert becomes_true(lambda: len(said.asked) == 2)
    said.answers.set()
    assert becomes_true(lambda: not reviews._under_way)
    clock.now += 9.0
    require(reviews)

    assert len(said.asked) >= 2


def test_the_age_of_an_answer_counts_from_before_the_question(reviews, said, clock):
    said.answers.clear()
    asking = threading.Thread(target=outcome, args=(reviews,))
    asking.start()
    assert becomes_true(lambda: said.asked)
    clock.now += 9.0
    said.answers.set()
    asking.join()
    said.accepted = False

    clock.now += 1.0

    assert outcome(reviews) is Unauthenticated


def test_a_failed_renewal_leaves_the_answer_until_it_is_too_old(reviews, said, clock):
    require(reviews)
    said.failure = OSError("status 503")

    clock.now += 5.0
    require(reviews)
    assert becomes_true(lambda: not reviews._under_way)
    clock.now += 4.9
    require(reviews)
    assert becomes_true(lambda: not reviews._under_way)
    clock.now += 0.1
    assert outcome(reviews) is IssuerUnavailable


def test_who_may_do_nothing_is_not_asked_for(reviews, said):
    require(reviews, "token-1", caller(permissions=()))

    assert said.asked == []


def test_another_token_of_the_same_subject_is_another_question(reviews, said):
    require(reviews, "token-1")
    said.accepted = False

    assert outcome(reviews, "token-2") is Unauthenticated


# --- where requests meet them


def test_a_cached_token_is_reviewed_all_the_same(reviews, said, clock):
    authenticate = authenticator(cluster(), reviews={ISSUER: reviews}).authenticate
    values = header()
    assert authenticate(values).organizations == {"org_acme"}

    said.accepted = False
    clock.now += 10.0

    with pytest.raises(Unauthenticated):
        authenticate(values)


def test_a_token_that_does_not_verify_is_not_shown_to_the_cluster(reviews, said):
    authenticate = authenticator(cluster(), reviews={ISSUER: reviews}).authenticate

    for wrong in ({"audience": "another"}, {"key": 2, "kid": "key-1"}, {"lifetime_s": 7_200}):
        with pytest.raises(Unauthenticated):
            authenticate(header(**wrong))
    assert said.asked == []
