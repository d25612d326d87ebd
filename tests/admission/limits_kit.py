"""Requests that are admitted under given limits, or refused."""

from sealring.domain.limits import Limits
from sealring.errors import RateLimited


def by_organization(**rates):
    """Requests per second of each organization."""
    return lambda _environment, org: Limits(requests_per_second=rates.get(org, 0))


def begun(limits, who):
    """The turn of a request that is there as a whole."""
    turn = limits.enter(who)
    turn.begin()
    return turn


def admitted(limits, who, attempts):
    """How many requests of `who` pass, one after the other."""
    passed = 0
    for _ in range(attempts):
        try:
            limits.enter(who).leave()
        except RateLimited:
            continue
        passed += 1
    return passed
