"""A revoked token is refused on every request, whatever is cached, and by a list that is never older than promised."""

import itertools
import threading
import time
import timeit
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import fakeredis
import pytest

from auth.kit import ENVIRONMENT, ISSUER, NOW, SetClock, claims, profile, sign, verifier_of
from sealring.auth.revoked import RevokedTokens
from sealring.auth.scoping import Authenticator, operator, principal_of
from sealring.domain.revocation import Reach, Revocation, Target
from sealring.errors import IntegrityFailure, StoreUnavailable, Unauthenticated
from sealring.store.connection.links import Links
from sealring.store.connection.topology import OneNode
from support.clock import Clock
from support.revocations import begun, everything, in_memory, key_of, on_links, revoke, subject, token
from support.waiting import becomes_true

OTHER_ISSUER = "https://other.example.com"
OTHER_ENVIRONMENT = "environment_01H2X3Y4Z5A6B7C8D9E0F1G2H4"


class Ages(Clock):
    """A monotonic clock that counts how often it was asked."""

    def __init__(self):
        super().__init__(0.0)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.now


@pytest.fixture
def ages():
    return Ages()


@pytest.fixture
def store():
    return begun(in_memory(), ENVIRONMENT, OTHER_ENVIRONMENT)


@pytest.fixture
def authenticator(store, ages):
    """For two issuers of one environment, and one of another."""
    profiles = profile(), profile(issuer=OTHER_ISSUER), profile(issuer="urn:there", environment_id=OTHER_ENVIRONMENT)
    return Authenticator(verifier_of(*profiles), RevokedTokens(store, ages), SetClock())


def header(**changes):
    return ["Bearer " + sign(claims(**({"jti": "t1"} | changes)))]


def refusal(authenticator, values):
    with pytest.raises(Unauthenticated) as caught:
        authenticator.authenticate(values)
    return caught.value.reason


def revoke_now(store, target, before_s=None):
    return revoke(store, target, before_s, environment=ENVIRONMENT, clock=SetClock())


# --- which tokens


def test_a_principal_knows_its_token(authenticator):
    made = authenticator.authenticate(header(iat=NOW - 7))

    assert (made.token_id, made.issued_at) == ("t1", NOW - 7)


def test_who_works_on_the_command_line_has_no_token():
    assert (operator(ENVIRONMENT).token_id, operator(ENVIRONMENT).issued_at) == ("", 0)


def test_a_token_is_refused_by_its_id(store, authenticator):
    revoke_now(store, token("t1", ISSUER))

    assert refusal(authenticator, header()) == "revoked"
    assert authenticator.authenticate(header(jti="t2")).subject == "user_1"
    assert authenticator.authenticate(header(jti="T1")).subject == "user_1"
    assert authenticator.authenticate(header(jti=None)).subject == "user_1"


def test_the_tokens_of_a_subject_are_refused(store, authenticator):
    revoke_now(store, subject("user_1", ISSUER))

    assert refusal(authenticator, header()) == "revoked"
    assert refusal(authenticator, header(jti=None)) == "revoked"
    assert authenticator.authenticate(header(sub="user_2")).subject == "user_2"


@pytest.mark.parametrize("target", [subject("user_1", ISSUER), everything(ISSUER)])
def test_a_token_that_is_minted_later_works(store, authenticator, target):
    revoke_now(store, target, NOW - 100)

    assert refusal(authenticator, header(iat=NOW - 101)) == "revoked"
    assert authenticator.authenticate(header(iat=NOW - 100)).issued_at == NOW - 100


def test_no_token_that_is_there_outlives_a_revocation_of_now(store, authenticator):
    """Not even one of an issuer whose clock is ahead by all of its leeway."""
    revoke_now(store, everything(ISSUER))

    assert refusal(authenticator, header(iat=NOW + 10)) == "revoked"


def test_all_subjects_of_an_issuer_are_refused(store, authenticator):
    revoke_now(store, everything(ISSUER), NOW)

    assert refusal(authenticator, header(sub="user_2")) == "revoked"


@pytest.mark.parametrize("target", [token("t1", ISSUER), subject("user_1", ISSUER), everything(ISSUER)])
def test_the_same_of_another_issuer_is_let_be(store, authenticator, target):
    revoke_now(store, target)

    assert authenticator.authenticate(header(iss=OTHER_ISSUER)).issuer == OTHER_ISSUER


@pytest.mark.parametrize("target", [token("t1", ISSUER), subject("user_1", ISSUER), everything(ISSUER)])
def test_another_environment_is_let_be(store, authenticator, target):
    """Its profile cannot have the same issuer; the revocation is written for that issuer all the same."""
    revoke_now(store, replace(target, issuer="urn:there"))

    assert authenticator.authenticate(header(iss="urn:there")).environment == OTHER_ENVIRONMENT


def test_the_subject_of_a_revocation_is_no_id_of_a_token(store, authenticator):
    revoke_now(store, subject("t1", ISSUER))
    revoke_now(store, token("user_1", ISSUER))

    assert authenticator.authenticate(header()).token_id == "t1"


def test_a_token_that_is_cached_is_refused_too(store, authenticator, ages):
    values = header()
    authenticator.authenticate(values)
    revoke_now(store, token("t1", ISSUER))

    ages.now = 2.0

    assert refusal(authenticator, values) == "revoked"


def test_what_does_not_verify_costs_no_look_at_the_store(ages):
    lists = Lists(ages)
    authenticator = Authenticator(verifier_of(profile()), RevokedTokens(lists, ages), SetClock())

    assert refusal(authenticator, header(iss="urn:nobody")) == "iss"

    assert lists.readings == 0


# --- how old a list may be


class Lists:
    """A RevocationStore whose readings are counted, and take as long as a test wants."""

    def __init__(self, clock):
        self.clock = clock
        self.revocations = ()
        self.readings = 0
        self.failure = None
        self.gate = threading.Event()
        self.gate.set()
        self.takes_s = 0.0

    def load(self, _environment):
        self.readings += 1
        read, failure = self.revocations, self.failure
        assert self.gate.wait(20)
        self.clock.now += self.takes_s
        if failure is not None:
            raise failure
        return read


@pytest.fixture
def lists(ages):
    return Lists(ages)


@pytest.fixture
def revoked(lists, ages):
    return RevokedTokens(lists, ages)


@pytest.fixture
def principal():
    return principal_of(verifier_of(profile()).verify(sign(claims(jti="t1"))))


GONE = Revocation(Target(ISSUER, Reach.TOKEN, "t1"), NOW, NOW, NOW)


def outcome(revoked, principal):
    try:
        revoked.refuse(principal)
    except (Unauthenticated, StoreUnavailable, IntegrityFailure) as failure:
        return type(failure).__name__
    return "passed"


def asked_meanwhile(pool, ages, revoked, principal, count):
    """Requests that have looked at the clock and go on from there, whatever it shows from now on."""
    before = ages.asked
    asked = [pool.submit(outcome, revoked, principal) for _ in range(count)]
    assert becomes_true(lambda: ages.asked >= before + count)
    return asked


@pytest.fixture
def pool(lists):
    with ThreadPoolExecutor(12) as pool:
        yield pool
        lists.gate.set()


def test_a_list_is_read_once_in_two_seconds(lists, revoked, principal, ages):
    revoked.refuse(principal)
    lists.revocations = (GONE,)

    ages.now = 1.99
    revoked.refuse(principal)
    assert lists.readings == 1
    ages.now = 2.0

    assert outcome(revoked, principal) == "Unauthenticated"
    assert lists.readings == 2


def test_while_one_reads_a_list_again_the_others_go_on_with_it(lists, revoked, principal, ages, pool):
    revoked.refuse(principal)
    lists.revocations = (GONE,)
    ages.now = 3.99
    lists.gate.clear()
    reader = pool.submit(outcome, revoked, principal)
    assert becomes_true(lambda: lists.readings == 2)

    others = [outcome(revoked, principal) for _ in range(20)]  # would hang if they waited

    assert others == ["passed"] * 20
    assert not reader.done()
    lists.gate.set()
    assert reader.result(20) == "Unauthenticated"
    assert lists.readings == 2


def test_with_a_list_of_four_seconds_nobody_goes_on(lists, revoked, principal, ages, pool):
    revoked.refuse(principal)
    lists.revocations = (GONE,)
    ages.now = 4.0
    lists.gate.clear()
    lists.takes_s = 0.1

    asked = asked_meanwhile(pool, ages, revoked, principal, 8)
    assert not any(each.done() for each in asked)
    lists.gate.set()

    assert [each.result(20) for each in asked] == ["Unauthenticated"] * 8
    assert lists.readings == 2


def test_the_age_counts_from_before_the_store_was_asked(lists, revoked, principal, ages):
    lists.takes_s = 1.9
    revoked.refuse(principal)
    lists.revocations, lists.takes_s = (GONE,), 0.0

    ages.now = 2.0

    assert outcome(revoked, principal) == "Unauthenticated"


def test_a_reading_that_took_too_long_is_not_for_those_who_asked_since(lists, revoked, principal, ages, pool):
    """As when the process was stopped in the middle of it, and the revocation came meanwhile."""
    lists.gate.clear()
    lists.takes_s = 0.5
    early = pool.submit(outcome, revoked, principal)
    assert becomes_true(lambda: lists.readings == 1)
    ages.now, lists.revocations = 10.0, (GONE,)
    (late,) = asked_meanwhile(pool, ages, revoked, principal, 1)

    lists.gate.set()

    assert early.result(20) == "passed"
    assert late.result(20) == "Unauthenticated"


# --- a list that cannot be read


def test_a_store_that_is_away_for_a_moment_is_not_noticed(lists, revoked, principal, ages, pool):
    revoked.refuse(principal)
    ages.now, lists.failure = 2.0, StoreUnavailable("away")
    lists.gate.clear()
    reader = pool.submit(outcome, revoked, principal)
    assert becomes_true(lambda: lists.readings == 2)

    assert outcome(revoked, principal) == "passed"
    lists.gate.set()
    assert reader.result(20) == "StoreUnavailable"  # it would find the store away at its next step


def test_without_a_list_that_is_young_enough_nobody_passes(lists, revoked, principal, ages):
    revoked.refuse(principal)
    ages.now, lists.failure = 4.0, StoreUnavailable("away")

    assert outcome(revoked, principal) == "StoreUnavailable"
    assert outcome(revoked, principal) == "StoreUnavailable"
    lists.failure = None
    assert outcome(revoked, principal) == "passed"


def test_without_any_list_nobody_passes(lists, revoked, principal):
    lists.failure = StoreUnavailable("away")

    assert outcome(revoked, principal) == "StoreUnavailable"


def test_those_who_wait_for_a_reading_share_its_failure(lists, revoked, principal, ages, pool):
    """Else each would wait for a reading of its own, one after the other."""
    lists.gate.clear()
    lists.takes_s, lists.failure = 1.8, StoreUnavailable("away")

    asked = asked_meanwhile(pool, ages, revoked, principal, 8)
    lists.gate.set()

    assert [each.result(20) for each in asked] == ["StoreUnavailable"] * 8
    assert lists.readings == 1


def test_a_list_that_was_altered_closes_its_environment_at_once(lists, revoked, principal, ages, pool):
    """Nobody goes on with what was there before, not even while it is read again."""
    revoked.refuse(principal)
    ages.now, lists.failure = 2.0, IntegrityFailure("altered")
    assert outcome(revoked, principal) == "IntegrityFailure"
    lists.gate.clear()
    reader = pool.submit(outcome, revoked, principal)
    assert becomes_true(lambda: lists.readings == 3)

    (other,) = asked_meanwhile(pool, ages, revoked, principal, 1)
    lists.gate.set()

    assert [reader.result(20), other.result(20)] == ["IntegrityFailure"] * 2


def test_a_defect_in_a_reading_lets_nobody_pass_and_is_not_for_ever(lists, revoked, principal):
    lists.failure = ZeroDivisionError()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            revoked.refuse(principal)

    lists.failure = None

    assert outcome(revoked, principal) == "passed"


def test_the_real_store_that_is_away_is_503_and_back_again(principal, ages):
    server = fakeredis.FakeServer(server_type="valkey")
    links = Links(OneNode(lambda: fakeredis.FakeRedisConnection(server=server, protocol=2)))
    revoked = RevokedTokens(begun(on_links(links), ENVIRONMENT), ages)
    revoked.refuse(principal)
    server.connected, ages.now = False, 4.0
    began = time.monotonic()

    assert outcome(revoked, principal) == "StoreUnavailable"

    assert time.monotonic() - began < 2.5
    server.connected = True
    assert outcome(revoked, principal) == "passed"


def test_one_environment_whose_list_is_gone_does_not_close_another(ages):
    server = fakeredis.FakeServer(server_type="valkey")
    links = Links(OneNode(lambda: fakeredis.FakeRedisConnection(server=server, protocol=2)))
    store = begun(on_links(links), ENVIRONMENT, OTHER_ENVIRONMENT)
    profiles = profile(), profile(issuer="urn:there", environment_id=OTHER_ENVIRONMENT)
    authenticator = Authenticator(verifier_of(*profiles), RevokedTokens(store, ages), SetClock())

    links.call((b"DEL", key_of(ENVIRONMENT)))

    with pytest.raises(IntegrityFailure):
        authenticator.authenticate(header())
    assert authenticator.authenticate(header(iss="urn:there")).subject == "user_1"


# --- what it costs


def test_a_look_costs_a_microsecond_or_two(principal):
    lists = Lists(Clock())
    lists.revocations = tuple(
        replace(GONE, target=Target(ISSUER, reach, f"{number}"))
        for reach, number in itertools.product((Reach.TOKEN, Reach.SUBJECT), range(5_000))
    )
    revoked = RevokedTokens(lists, lambda: 0.0)
    revoked.refuse(principal)

    seconds = min(timeit.repeat(lambda: revoked.refuse(principal), number=1_000, repeat=5)) / 1_000

    assert seconds < 20e-6  # about 0.7 µs
