"""Housekeeping: what it does at the same time, so that one kind of work keeps nothing from another."""

import io
import threading

import pytest

from bindings.conftest import world_on
from sealring.domain.ports import Lease
from sealring.observability.logs import Log
from sealring.server import housekeeping
from sealring.server.housekeeping import Housekeeper
from sealring.services import health_checks
from sealring.services.health_checks import FailedKeys, HealthChecks
from sealring.services.purging import Purging
from support import stores
from support.waiting import becomes_true


class Tombs:
    """Nothing is due; counts how often somebody looked. Without the lease, what was started is idle."""

    partitions = 4

    def __init__(self):
        self.looked = 0
        self.held = True

    def lease(self, seconds):
        return Lease.OURS if self.held else Lease.ANOTHERS

    def due(self, partition, after):
        return ()

    def trim_audit(self, partition, before_ms):
        self.looked += 1
        return 0


@pytest.fixture
def tombs():
    tombs = Tombs()
    yield tombs
    tombs.held = False


@pytest.fixture
def world():
    return world_on(stores.memory(), waits=True)


@pytest.fixture
def housekeeper(world, tombs, monkeypatch):
    """One whose health checks are frequent, and to whom every key seems not to have been asked for ten minutes."""
    monkeypatch.setattr(housekeeping, "INTERVAL_S", 0.05)
    monkeypatch.setattr(housekeeping, "FAILED_KEYS_S", 0.01)
    now = health_checks.time.time
    monkeypatch.setattr(health_checks.time, "time", lambda: now() + 610)
    keys = HealthChecks(world.store.bindings, world.use.bindings, FailedKeys())
    return Housekeeper(Purging(tombs, audit_retention_s=0), keys, tombs.lease, Log(io.StringIO()))


def test_keys_that_do_not_answer_keep_nothing_from_being_purged(world, tombs, housekeeper):
    world.bind("org_dead", "key_dead")
    world.kms["key_dead"].hangs = True
    logged = len(world.kms["key_dead"].log)

    housekeeper.start(world.gateway.beside_requests)

    assert becomes_true(lambda: len(world.kms["key_dead"].log) > logged)
    looked = tombs.looked
    assert becomes_true(lambda: tombs.looked >= looked + 3 * tombs.partitions, within_s=2.5)  # a call waits for three
    assert len(world.kms["key_dead"].log) == logged + 1
    world.kms["key_dead"].hangs = False


def test_a_few_organizations_are_asked_at_once_and_the_others_after_them(world, housekeeper):
    for number in range(housekeeping.KEYS_AT_ONCE + 2):
        world.bind(f"org_{number}", f"key_{number}")
        world.kms[f"key_{number}"].hangs = True
    logged = {name: len(key.log) for name, key in world.kms.items()}

    def under_way():
        return sum(len(key.log) > logged[name] for name, key in world.kms.items())

    housekeeper.start(world.gateway.beside_requests)

    assert becomes_true(lambda: under_way() == housekeeping.KEYS_AT_ONCE)
    assert not becomes_true(lambda: under_way() > housekeeping.KEYS_AT_ONCE, within_s=0.3)
    for key in world.kms.values():
        key.hangs = False
    assert becomes_true(lambda: under_way() == housekeeping.KEYS_AT_ONCE + 2)


def test_whoever_does_not_have_the_lease_asks_no_keys(world, tombs, housekeeper):
    world.bind("org_123", "key_abc")
    logged = len(world.kms["key_abc"].log)
    housekeeper.enqueue_checks()
    tombs.held = False

    housekeeper.enqueue_checks()
    housekeeper.start(world.gateway.beside_requests)

    assert not becomes_true(lambda: len(world.kms["key_abc"].log) > logged, within_s=0.3)


def test_it_asks_in_threads_that_take_no_place_of_a_request(world, housekeeper):
    beside = threading.Event()

    def beside_requests():
        beside.set()
        return world.gateway.beside_requests()

    housekeeper.start(beside_requests)

    assert becomes_true(beside.is_set)


def test_a_defect_ends_no_housekeeping_and_is_told_without_its_text():
    said = io.StringIO()
    housekeeper = Housekeeper(None, None, None, Log(said))

    def broken():
        raise ValueError("a secret, perhaps")

    housekeeper.attempt(broken)

    assert '"event":"fault","message":"housekeeping failed","exception":"ValueError"' in said.getvalue()
    assert "broken (" in said.getvalue()
    assert "secret" not in said.getvalue()
