"""Checks and setups are for whoever may manage bindings of the organization, and end whatever happens."""

from dataclasses import replace

import pytest

from sealring.domain.ids import uuid_text
from sealring.domain.principal import Permission
from sealring.errors import Forbidden, StoreUnavailable
from sealring.services.key_checks import KeyChecks
from sealring.services.setups import Setups, WantedKey
from support import stores
from support.cmk import CATALOG, Key, gateway_to
from support.make import ACME, BETA, SCOPED, caller, principal, services


@pytest.fixture
def kms():
    return {"key_one": Key()}


@pytest.fixture
def store():
    return stores.memory()


@pytest.fixture
def use(store, kms):
    return services(store, provider_gateway=gateway_to(kms), catalog=CATALOG)


@pytest.fixture
def later():
    return []


@pytest.fixture
def faults():
    return []


@pytest.fixture
def checks(store, use, later, faults):
    return KeyChecks(store.checks, use.bindings, later.append, faults.append)


@pytest.fixture
def setups(use):
    return Setups(CATALOG, use.bindings)


def lacking():
    """A caller of the organization without the permission for bindings."""
    return replace(caller(ACME), principal=principal(ACME, permissions=SCOPED - {Permission.BINDINGS_MANAGE}))


WANTED = WantedKey("cmk", "key_one", {})


@pytest.mark.parametrize("who", [lacking, lambda: caller(BETA)], ids=["no permission", "another organization"])
def test_nobody_else_connects_or_checks_a_key(checks, setups, later, who):
    binding = setups.connect(caller(ACME), ACME, WANTED)

    for ask in (
        lambda: setups.connect(who(), ACME, WANTED),
        lambda: setups.guide(who(), "cmk", ACME),
        lambda: checks.start(who(), binding, activates=True),
        lambda: checks.seen(who(), binding),
    ):
        with pytest.raises(Forbidden):
            ask()
    assert later == []


def test_the_offers_need_the_permission_too(setups):
    for ask in (lambda: setups.offers(lacking()), lambda: setups.offer(lacking(), "cmk")):
        with pytest.raises(Forbidden):
            ask()


def test_a_defect_in_a_check_is_told_and_ends_no_thread(checks, setups, later, faults, use):
    binding = setups.connect(caller(ACME), ACME, WANTED)

    def defect(*_):
        raise ZeroDivisionError

    checks._bindings.activate = defect
    checks.start(caller(ACME), binding, activates=True)
    later.pop()()

    assert [type(each) for each in faults] == [ZeroDivisionError]


def test_a_store_that_is_away_ends_no_thread(checks, setups, later, faults, store):
    binding = setups.connect(caller(ACME), ACME, WANTED)
    checks.start(caller(ACME), binding, activates=True)

    def away(*_):
        raise StoreUnavailable("away")

    store.checks.write = away
    later.pop()()

    assert faults == []


def test_a_key_named_twice_is_one_binding(setups, use):
    first, second = (setups.connect(caller(ACME), ACME, WANTED) for _ in range(2))

    assert first == second
    assert len(use.bindings.list(caller(ACME), ACME)) == 1


def test_only_a_pending_binding_is_dropped_for_another(setups, checks, later, use, kms):
    kms["key_two"] = Key()
    active = setups.connect(caller(ACME), ACME, WANTED)
    checks.start(caller(ACME), active, activates=True)
    later.pop()()

    setups.connect(caller(ACME), ACME, WantedKey("cmk", "key_two", {}, uuid_text(active.id)))

    assert [each.state.name for each in use.bindings.list(caller(ACME), ACME)] == ["ACTIVE", "PENDING"]
