"""A list of revocations is young enough or nobody passes, and one reads it for all."""

import itertools
import time
import timeit
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import fakeredis
import pytest

from auth.kit import ENVIRONMENT, ISSUER, NOW, claims, profile, sign, verifier_of
from auth.revocation_kit import Ages, Lists
from sealring.auth.revoked import RevokedTokens
from sealring.auth.scoping import principal_of
from sealring.domain.revocation import Reach, Revocation, Target
from sealring.errors import IntegrityFailure, StoreUnavailable, Unauthenticated
from sealring.store.connection.links import Links
from sealring.store.connection.topology import OneNode
from support.clock import Clock
from support.revocations import begun, on_links
from support.waiting import becomes_true


@pytest.fixture
def ages():
    return Ages()


# --- how old a list may be


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
