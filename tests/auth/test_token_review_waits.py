"""Nobody waits for the cluster of another, for a question without an end, or for the beginning of a call."""

import statistics
import threading
import time

import pytest

from auth.review_kit import Cluster, Lines, authenticator, caller, header, outcome, require
from auth.test_clusters import cluster
from sealring.auth import token_reviews
from sealring.auth.key_set_log import Told
from sealring.auth.token_reviews import TokenReviews
from sealring.errors import IssuerUnavailable
from support.api_server import ISSUER
from support.loop import in_fiber, in_fibers
from support.waiting import becomes_true


def test_requests_with_one_token_share_one_question(reviews, said):
    said.answers.clear()

    def answer():
        assert becomes_true(lambda: said.asked)
        said.answers.set()

    threading.Thread(target=answer).start()
    outcomes = in_fibers(*[lambda: require(reviews)] * 8)

    assert {each.failure for each in outcomes} == {None}
    assert len(said.asked) == 1


@pytest.mark.parametrize("run", [in_fiber, lambda work: work()], ids=["fiber", "thread"])
def test_a_question_without_an_end_is_given_up(reviews, said, told, monkeypatch, run):
    monkeypatch.setattr(token_reviews, "WAIT_S", 0.1)
    said.answers.clear()

    with pytest.raises(IssuerUnavailable):
        run(lambda: require(reviews))
    with pytest.raises(IssuerUnavailable):
        run(lambda: require(reviews, "token-2"))

    assert len(said.asked) == 1  # there is a pause


def test_a_late_answer_counts_for_later_requests(reviews, said, monkeypatch):
    monkeypatch.setattr(token_reviews, "WAIT_S", 0.1)
    said.answers.clear()
    assert outcome(reviews) is IssuerUnavailable

    said.answers.set()

    assert becomes_true(lambda: outcome(reviews) is type(None))
    assert len(said.asked) == 1


def test_a_tenant_with_many_tokens_leaves_places_to_others(reviews, said):
    said.answers.clear()
    refused = []

    def many(number):
        try:
            require(reviews, f"token-{number}", caller("org_noisy"))
        except IssuerUnavailable:
            refused.append(number)
            if len(refused) == 12:  # 8 of 20 wait: half of the places
                said.answers.set()

    def other():
        require(reviews, "token-of-another", caller("org_quiet"))

    *_, quiet = in_fibers(*[lambda number=number: many(number) for number in range(20)], other)

    assert len(refused) == 12
    assert quiet.failure is None


def test_calls_are_shared_too(said, told):
    """With more places to wait than calls."""
    reviews = TokenReviews(said.accepts, Told(told, ISSUER), "api:6443", 4 * token_reviews.MAX_CALLS)
    said.answers.clear()
    calls = [
        outcome_of_start(reviews, f"token-{number}", caller("org_noisy"))
        for number in range(token_reviews.MAX_CALLS // 2 + 1)
    ]

    assert calls == [True] * (token_reviews.MAX_CALLS // 2) + [False]
    assert outcome_of_start(reviews, "token-of-another", caller("org_quiet")) is True


def outcome_of_start(reviews, token, principal):
    try:
        reviews._begun(token, token.encode(), principal)
    except IssuerUnavailable:
        return False
    return True


@pytest.mark.parametrize("start", ["Thread.start", "start_new_thread"])
def test_a_system_without_threads_is_no_answer(reviews, monkeypatch, start):
    def exhausted(*_arguments):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(f"sealring.auth.token_reviews.{start}", exhausted)
        assert outcome(reviews) is IssuerUnavailable
    assert reviews._under_way == {}


@pytest.fixture
def busy_threads():
    """Threads that all want to run Python."""
    ended = threading.Event()

    def work():
        while not ended.is_set():
            pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    yield
    ended.set()
    for each in threads:
        each.join()


def test_the_beginning_of_a_call_does_not_wait_for_its_thread(reviews, said, busy_threads):
    """The loop runs it."""
    said.answers.clear()
    took_s = []
    for number in range(7):
        began = time.perf_counter()
        assert outcome_of_start(reviews, f"token-{number}", caller("org_a")) is True
        took_s.append(time.perf_counter() - began)

    assert statistics.median(took_s) < 0.003


# --- where requests meet them


def test_a_cluster_that_does_not_answer_delays_no_other(reviews, said, told):
    other = "https://other.example"
    theirs = Cluster()
    authenticate = authenticator(
        cluster(),
        cluster(issuer=other),
        reviews={ISSUER: reviews, other: TokenReviews(theirs.accepts, Told(told, other), "other", 16)},
    ).authenticate
    said.answers.clear()

    def waits():
        authenticate(header())

    def passes():
        made = authenticate(header(iss=other))
        said.answers.set()
        return made

    *waiting, passed = in_fibers(*[waits] * 8, passes)

    assert passed.get().issuer == other
    assert {each.failure for each in waiting} == {None}


def test_all_clusters_leave_places_for_those_who_wait_for_none():
    api = {"url": "https://api", "token_file": "token"}
    clusters = [cluster(issuer=f"https://{number}", token_review=api) for number in range(3)]

    made = token_reviews.token_reviews([*clusters, cluster()], Lines(), 256)

    assert sorted(made) == ["https://0", "https://1", "https://2"]
    assert [each._waiting._free for each in made.values()] == [64, 64, 64]
