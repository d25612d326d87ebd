"""What a worker does with the limits of a store: the last that it could read are in force."""

from contextlib import closing

import pytest

from faults.proxy import Fault
from sealring.domain.ids import NO_ORG
from sealring.domain.limits import Limits, Override
from sealring.services.limits import LimitChanges, LimitsInForce
from sealring.store.connection.links import Links
from sealring.store.schema.limits_codec import SEAL
from store.limits_kit import HIGH, LOW
from support.limits import key_of, limits_beside, limits_on, set_limits, the_operator
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT

DEFAULTS = Limits(requests_per_second=10, objects=20, stored_bytes=30, contexts=40)


@pytest.fixture
def set_there(links):
    """A store with two limits, and a way to look at it as a worker that starts now."""
    store = limits_on(links)
    set_limits(store, ACME, LOW)
    set_limits(store, BETA, HIGH)
    return lambda: limits_beside(links).load(ENVIRONMENT)


def in_force(store):
    return LimitsInForce(store, DEFAULTS, (ENVIRONMENT, OTHER_ENVIRONMENT))


def test_the_settings_apply_until_something_is_set(links):
    limits = in_force(limits_on(links))

    assert limits.renew() == []
    assert limits.of(ENVIRONMENT, ACME) == DEFAULTS


def test_what_is_set_is_in_force_after_the_next_renewal_for_that_organization_alone(links):
    store = limits_on(links)
    limits = in_force(limits_beside(links))
    limits.renew()
    set_limits(store, ACME, Override(objects=1, contexts=0))
    assert limits.of(ENVIRONMENT, ACME) == DEFAULTS

    limits.renew()

    assert limits.of(ENVIRONMENT, ACME) == Limits(requests_per_second=10, objects=1, stored_bytes=30, contexts=0)
    assert limits.of(ENVIRONMENT, BETA) == limits.of(OTHER_ENVIRONMENT, ACME) == DEFAULTS


def test_what_is_cleared_is_no_longer_in_force(links):
    store = limits_on(links)
    set_limits(store, ACME, LOW)
    limits = in_force(limits_beside(links))
    limits.renew()

    LimitChanges(store).clear(the_operator(), ACME)
    limits.renew()

    assert limits.of(ENVIRONMENT, ACME) == DEFAULTS


def test_what_belongs_to_no_organization_has_no_limits(links):
    assert in_force(limits_on(links)).of(ENVIRONMENT, NO_ORG) == Limits()


@pytest.mark.parametrize(
    "harm",
    [
        (b"DEL", key_of()),
        (b"HDEL", key_of(), ACME),
        (b"HSET", key_of(), ACME, b"noise", SEAL, b"noise"),
    ],
    ids=["removed", "one removed", "replaced"],
)
def test_a_worker_keeps_the_last_limits_when_somebody_else_changes_them(links, harm):
    store = limits_on(links)
    set_limits(store, ACME, LOW)
    set_limits(store, BETA, HIGH)
    limits = in_force(limits_beside(links))
    limits.renew()
    set_limits(store, BETA, Override(contexts=7))  # the seal is another one
    links.call(harm)

    lines = limits.renew()

    assert lines == [
        (
            f"{ENVIRONMENT}: the limits that were set for its organizations are altered or removed; "
            "the last ones stay in force"
        )
    ]
    assert limits.of(ENVIRONMENT, ACME).objects == 1


def test_a_worker_that_starts_on_altered_limits_uses_the_settings_and_says_so(links, set_there):
    links.call((b"HDEL", key_of(), ACME))
    limits = in_force(limits_beside(links))

    (line,) = limits.renew()

    assert line.endswith("are altered or removed; the settings' limits apply")
    assert limits.of(ENVIRONMENT, BETA) == DEFAULTS


def test_a_worker_keeps_the_last_limits_while_the_store_is_away(links, proxy):
    set_limits(limits_on(links), ACME, LOW)
    with closing(Links.to(f"redis://{proxy.address}")) as through:
        limits = in_force(limits_beside(through))
        assert limits.renew() == []
        proxy.plan = lambda _request: Fault.DROP

        lines = limits.renew()

    assert lines[0].endswith("are not readable; the last ones stay in force")
    assert limits.of(ENVIRONMENT, ACME).objects == 1
