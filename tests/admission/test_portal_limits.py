"""How many pages a session may ask for, and all sessions of an organization."""

import pytest

from sealring.admission.limits import Rates
from sealring.admission.portal_limits import PortalLimiter
from sealring.domain.limits import Limits
from sealring.domain.portal import Intent, Link, PortalSession
from sealring.errors import LimitError, RateLimited
from support.clock import Clock
from support.make import ACME, BETA, ENVIRONMENT, limiter


def session(number, org=ACME):
    link = Link(bytes(16), ENVIRONMENT, org, Intent.BRING_YOUR_OWN_KEY, "", "", 1, 2)
    return PortalSession.of(link, number.to_bytes(16, "big"), 1, 2)


def pages(limits, of, attempts=100):
    """How many pages are served, one after the other."""
    served = 0
    for _ in range(attempts):
        try:
            with limits.turn(of):
                served += 1
        except RateLimited:
            continue
    return served


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limits(clock):
    return PortalLimiter(limiter(), clock)


def test_a_session_has_its_rate_and_takes_nothing_of_another(limits):
    assert pages(limits, session(1)) == 10
    assert pages(limits, session(2)) == 10


def test_an_organization_has_its_rate_however_many_sessions_it_has(limits):
    assert sum(pages(limits, session(number)) for number in range(20)) == 40
    assert pages(limits, session(99, BETA)) == 10


def test_whoever_waits_is_served_again(limits, clock):
    pages(limits, session(1))

    clock.now += 1

    assert pages(limits, session(1)) == 5


def test_a_refusal_says_whose_it_is_and_when_to_come_again(limits):
    pages(limits, session(1))

    with pytest.raises(RateLimited) as refused, limits.turn(session(1)):
        pass

    assert (refused.value.whose, refused.value.quota, refused.value.window_s) == ("subject", 10, 2)
    assert 0 < refused.value.retry_after_s <= 1


def test_the_limits_of_the_organizations_requests_count_for_pages_too(clock):
    of_the_api = limiter(rates=Rates(), limits_of=lambda _environment, _org: Limits(requests_per_second=1))

    assert pages(PortalLimiter(of_the_api, clock), session(1)) == 2


def test_a_page_has_a_place_until_it_is_answered(clock):
    limits = PortalLimiter(limiter(places=1, share=1), clock)

    with limits.turn(session(1)), pytest.raises(LimitError), limits.turn(session(2)):
        pass
    with pytest.raises(ZeroDivisionError), limits.turn(session(2)):
        raise ZeroDivisionError
    with limits.turn(session(3)):
        pass
