"""Keys are asked again: each ten minutes, and soon after one has failed."""

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from sealring.errors import KeyDisabled
from sealring.services import rounds
from sealring.services.rounds import Alarms, Rounds
from support import stores
from support.clock import Clock
from support.make import ENVIRONMENT, caller


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def alarms(clock):
    return Alarms(clock)


@pytest.fixture
def world(alarms):
    return world_on(stores.memory(), on_refusal=alarms.raise_for)


@pytest.fixture
def keys_asked(world, alarms):
    return Rounds(world.store.bindings, world.use.bindings, alarms)


def codes(world):
    return [each.verification.codes for each in world.use.bindings.list(caller("org_123"), "org_123")]


def age(monkeypatch, seconds):
    """Let the verifications that are stored be that old."""
    now = rounds.time.time
    monkeypatch.setattr(rounds.time, "time", lambda: now() + seconds)


def test_a_key_that_failed_is_asked_and_what_was_found_is_stored(world, keys_asked, monkeypatch):
    world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.kms["key_abc"].failure = api.KeyDisabled()
    with pytest.raises(KeyDisabled):
        world.open(record)
    age(monkeypatch, 11)

    keys_asked.answer_alarms()

    assert codes(world) == [("key_disabled",)]


def test_an_organization_whose_key_goes_on_failing_raises_one_alarm_in_ten_seconds(alarms, clock):
    alarms.raise_for(ENVIRONMENT, "org_123")
    assert alarms.take() == [(ENVIRONMENT, "org_123")]

    alarms.raise_for(ENVIRONMENT, "org_123")
    assert alarms.take() == []

    clock.now += 10
    alarms.raise_for(ENVIRONMENT, "org_123")
    assert alarms.take() == [(ENVIRONMENT, "org_123")]


@pytest.mark.parametrize(("seconds", "asked"), [(590, 0), (610, 1)])
def test_every_key_is_asked_each_ten_minutes(world, keys_asked, monkeypatch, seconds, asked):
    world.bind("org_123", "key_abc")
    before = world.store.actions().count("vault.byok_key.verification_completed")
    age(monkeypatch, seconds)

    keys_asked.go(4)

    assert world.store.actions().count("vault.byok_key.verification_completed") - before == asked


def test_a_pending_binding_is_not_asked(world, keys_asked, monkeypatch):
    world.bind("org_123", "key_abc", activate=False)
    age(monkeypatch, 610)

    keys_asked.go(4)

    assert "vault.byok_key.verification_completed" not in world.store.actions()


def test_what_is_found_again_does_not_let_every_process_read_its_bindings_anew(world, keys_asked, monkeypatch):
    world.bind("org_123", "key_abc")
    epoch = world.store.bindings.load(ENVIRONMENT, "org_123").epoch
    age(monkeypatch, 610)

    keys_asked.go(4)

    assert world.store.bindings.load(ENVIRONMENT, "org_123").epoch == epoch
