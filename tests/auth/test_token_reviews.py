"""Token reviews: how long an answer counts, what happens without one, and that nobody waits for another's cluster."""

import statistics
import threading
import time

import pytest

from auth.kit import ENVIRONMENT, NOW, SetClock, nothing_revoked
from auth.test_clusters import cluster
from sealring.auth import token_reviews
from sealring.auth.exchange import TooManyCalls
from sealring.auth.key_set_log import Told
from sealring.auth.key_sources import StaticKeys
from sealring.auth.scoping import Authenticator
from sealring.auth.token_reviews import TokenReviews
from sealring.auth.tokens import TokenVerifier
from sealring.domain.principal import Permission, Principal
from sealring.errors import IssuerUnavailable, Unauthenticated
from sealring.fibers import Outcome
from support.api_server import ISSUER, account_token
from support.loop import in_fiber, in_fibers
from support.waiting import becomes_true

PATIENCE_S = 20


class Cluster:
    """What a cluster says, and how often it was asked. While `answers` is not set, it says nothing."""

    def __init__(self):
        self.accepted = True
        self.failure = None
        self.refused = {}  # failures for single subjects
        self.asked = []
        self.answers = threading.Event()
        self.answers.set()

    def accepts(self, token, subject):
        self.asked.append((token, subject))
        self.answers.wait(PATIENCE_S)
        failure = self.refused.get(subject, self.failure)
        if failure is not None:
            raise failure
        return self.accepted


class Lines:
    def __init__(self):
        self.lines = []

    def key_set(self, message, **about):
        self.lines.append((message, about))


@pytest.fixture
def told():
    return Lines()


@pytest.fixture
def said():
    cluster = Cluster()
    yield cluster
    cluster.answers.set()


@pytest.fixture
def clock():
    """A clock for ages; waits end by the true one."""
    return SetClock(1_000.0)


@pytest.fixture
def reviews(said, told, clock):
    return TokenReviews(said.accepts, Told(told, ISSUER), "api:6443", 16, clock=clock)


def caller(*organizations, permissions=(Permission.OBJECTS_READ,), subject="pod"):
    return Principal(ISSUER, subject, subject, ENVIRONMENT, frozenset(organizations), frozenset(permissions))


def require(reviews, token="token-1", principal=None):
    reviews.require(token, token.encode(), principal or caller("org_a"))


def outcome(reviews, *arguments):
    return type(Outcome.of(lambda: require(reviews, *arguments)).failure)


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


def test_who_may_do_nothing_is_not_asked_for(reviews, said):
    require(reviews, "token-1", caller(permissions=()))

    assert said.asked == []


def test_another_token_of_the_same_subject_is_another_question(reviews, said):
    require(reviews, "token-1")
    said.accepted = False

    assert outcome(reviews, "token-2") is Unauthenticated


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


def authenticator(*clusters, reviews):
    sources = {each.issuer: StaticKeys(each.jwks) for each in clusters}
    return Authenticator(TokenVerifier(clusters, sources, SetClock()), nothing_revoked(), SetClock(), reviews)


def header(**changes):
    return ["Bearer " + account_token(now=NOW, **changes)]


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
