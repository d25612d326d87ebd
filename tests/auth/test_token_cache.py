"""A verified token is remembered for a minute at most, and never past its end."""

import threading
import time
import timeit

import pytest

from auth.kit import NOW, SetClock, claims, ec_key, jwk, nothing_revoked, profile, sign
from sealring.auth.jwks import KeySet
from sealring.auth.scoping import Authenticator
from sealring.auth.tokens import TokenVerifier
from sealring.errors import MalformedRequest, Unauthenticated
from support.loop import in_fibers


class CountedKeys:
    """A key source that counts, and that can lose its keys."""

    def __init__(self):
        self.keys = KeySet.of([jwk(ec_key())])
        self.asked = 0

    def key(self, kid, alg):
        self.asked += 1
        return self.keys.key(kid, alg) if self.keys else None

    def at_hand(self, kid, alg):
        return True


@pytest.fixture
def keys():
    return CountedKeys()


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def authenticator(keys, clock):
    one = profile()
    return Authenticator(TokenVerifier([one], {one.issuer: keys}, clock), nothing_revoked(), clock)


def header(**changes):
    return ["Bearer " + sign(claims(**changes))]


def test_a_header_becomes_a_principal(authenticator):
    assert authenticator.authenticate(header(org_id="org_1")).organizations == {"org_1"}


def test_a_token_is_verified_once_a_minute(authenticator, keys, clock):
    values = header()
    first = authenticator.authenticate(values)

    clock.now = NOW + 59.9
    again = authenticator.authenticate(values)
    assert again is first
    assert keys.asked == 1
    clock.now = NOW + 60.0
    authenticator.authenticate(values)
    assert keys.asked == 2


def test_a_withdrawn_key_counts_for_a_minute_at_most(authenticator, keys, clock):
    values = header()
    authenticator.authenticate(values)
    keys.keys = None

    clock.now = NOW + 60.0

    with pytest.raises(Unauthenticated):
        authenticator.authenticate(values)


def test_the_cache_never_outlives_exp(authenticator, keys, clock):
    values = header(exp=NOW + 30)
    authenticator.authenticate(values)
    keys.keys = None

    clock.now = NOW + 29.9
    assert authenticator.authenticate(values).subject == "user_1"
    clock.now = NOW + 30.0
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(values)


def test_a_clock_that_is_set_back_does_not_prolong_the_cache(authenticator, keys, clock):
    values = header(iat=NOW - 4_000)
    authenticator.authenticate(values)
    keys.keys = None

    clock.now = NOW - 3_600.0

    with pytest.raises(Unauthenticated):
        authenticator.authenticate(values)


class HangingKeys:
    """Keys that have to be fetched from somebody who does not answer."""

    def __init__(self):
        self.answers = threading.Event()
        self.threads = set()

    def key(self, kid, alg):
        self.threads.add(threading.current_thread())
        self.answers.wait(10)

    def at_hand(self, kid, alg):
        return False


def test_whoever_waits_for_the_keys_of_an_issuer_holds_up_no_other_issuer(keys, clock):
    hanging, ours, theirs = HangingKeys(), profile(), profile(issuer="https://hanging.example")
    verifier = TokenVerifier([ours, theirs], {ours.issuer: keys, theirs.issuer: hanging}, clock)
    authenticator = Authenticator(verifier, nothing_revoked(), clock)

    def waits():
        authenticator.authenticate(header(iss=theirs.issuer))

    def passes():
        subject = authenticator.authenticate(header()).subject
        hanging.answers.set()
        return subject

    *waiting, passed = in_fibers(*[waits] * 40, passes)

    assert passed.get() == "user_1"
    assert {type(each.failure) for each in waiting} == {Unauthenticated}
    assert len(hanging.threads) == 1


def test_failures_are_not_remembered(authenticator, keys):
    values = header()
    working, keys.keys = keys.keys, None
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(values)

    keys.keys = working

    assert authenticator.authenticate(values).subject == "user_1"


def test_a_token_whose_claims_make_no_principal_is_refused_each_time(authenticator, keys):
    values = header(org_id=1)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            authenticator.authenticate(values)

    assert keys.asked == 2


def test_another_token_of_the_same_caller_is_verified_itself(authenticator):
    authenticator.authenticate(header())

    with pytest.raises(Unauthenticated):
        authenticator.authenticate(["Bearer " + sign(key=ec_key(2))])


def test_a_cached_token_still_needs_a_sound_header(authenticator):
    values = header()
    authenticator.authenticate(values)

    with pytest.raises(MalformedRequest):
        authenticator.authenticate([*values, *values])
    with pytest.raises(Unauthenticated):
        authenticator.authenticate([values[0].replace("Bearer", "Basic")])


def test_the_oldest_token_leaves_when_there_are_too_many(authenticator, keys, monkeypatch):
    monkeypatch.setattr("sealring.auth.scoping.MAX_CACHED", 3)
    headers = [header(sub=f"user_{number}") for number in range(4)]
    for values in headers:
        authenticator.authenticate(values)
    assert keys.asked == 4

    for values in headers[1:]:
        authenticator.authenticate(values)
    assert keys.asked == 4
    authenticator.authenticate(headers[0])

    assert keys.asked == 5
    assert len(authenticator._cached) == 3


def test_many_threads_share_a_cache_that_stays_bounded(authenticator, monkeypatch):
    monkeypatch.setattr("sealring.auth.scoping.MAX_CACHED", 5)
    headers = [header(sub=f"user_{number}") for number in range(10)]
    subjects = []

    def call():
        subjects.extend(authenticator.authenticate(values).subject for values in headers)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(set(subjects)) == [f"user_{number}" for number in range(10)]
    assert len(subjects) == 80
    assert len(authenticator._cached) == 5


def test_a_header_that_cannot_be_encoded_is_refused(authenticator):
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(["Bearer \ud800"])


def test_a_hit_costs_microseconds():
    now = int(time.time())
    one = profile()
    authenticator = Authenticator(TokenVerifier([one], {one.issuer: CountedKeys()}), nothing_revoked())
    values = header(iat=now, exp=now + 300)
    authenticator.authenticate(values)

    seconds = min(timeit.repeat(lambda: authenticator.authenticate(values), number=1_000, repeat=5)) / 1_000

    assert seconds < 100e-6  # about 3 µs; verifying costs 150 µs and more
