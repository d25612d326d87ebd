"""Keys are asked again: each ten minutes, and soon after one has failed."""

import threading

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from bindings.health_kit import age, ask_all
from sealring.errors import KeyDisabled, KeyFailure, KeyThrottled
from sealring.services.health_checks import FailedKeys, HealthChecks
from support import stores
from support.clock import Clock
from support.make import ENVIRONMENT, caller


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def alarms(clock):
    return FailedKeys(clock)


@pytest.fixture
def world(alarms):
    return world_on(stores.memory(), on_refusal=alarms.note)


@pytest.fixture
def keys_asked(world, alarms):
    return HealthChecks(world.store.bindings, world.use.bindings, alarms)


def codes(world):
    return [each.verification.codes for each in world.use.bindings.list(caller("org_123"), "org_123")]


def test_a_key_that_failed_is_asked_and_what_was_found_is_stored(world, keys_asked, monkeypatch):
    world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.kms["key_abc"].failure = api.KeyDisabled()
    with pytest.raises(KeyDisabled):
        world.open(record)
    age(monkeypatch, 11)

    keys_asked.enqueue_failed()
    ask_all(keys_asked)

    assert codes(world) == [("key_disabled",)]


TENANTS_OWN = [api.AccessDenied(), api.KeyDisabled(), api.KeyNotFound(), api.WrongRegion(), api.Throttled()]
NOT_THEIRS = [api.Unavailable(), api.DeadlineExceeded(), api.ConfigInvalid(), ZeroDivisionError()]


@pytest.mark.parametrize(
    ("failure", "alarmed"),
    [*((each, [(ENVIRONMENT, "org_123")]) for each in TENANTS_OWN), *((each, []) for each in NOT_THEIRS)],
    ids=lambda each: type(each).__name__,
)
@pytest.mark.parametrize("work", ["wrap", "unwrap"])
def test_an_alarm_is_of_what_the_owner_of_the_key_has_to_mend(world, alarms, failure, alarmed, work):
    world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.kms["key_abc"].failure = failure

    with pytest.raises(KeyFailure):
        world.open(record) if work == "unwrap" else world.seal("org_123", "second")

    assert alarms.take() == alarmed


def test_our_own_limits_raise_no_alarm_of_a_customers_key(alarms):
    world = world_on(stores.memory(), waits=True, threads=2, on_refusal=alarms.note)
    world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    refusals = []

    def beside():
        try:
            world.open(record)
        except KeyThrottled as refused:
            refusals.append(refused.owner)

    with world.gateway.place(ENVIRONMENT, "org_123", ["cmk"]):  # its share of the threads
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()

    assert refusals == ["operator"]
    assert alarms.take() == []


def test_an_organization_whose_key_goes_on_failing_raises_one_alarm_in_ten_seconds(alarms, clock):
    alarms.note(ENVIRONMENT, "org_123")
    assert alarms.take() == [(ENVIRONMENT, "org_123")]

    alarms.note(ENVIRONMENT, "org_123")
    assert alarms.take() == []

    clock.now += 10
    alarms.note(ENVIRONMENT, "org_123")
    assert alarms.take() == [(ENVIRONMENT, "org_123")]


@pytest.mark.parametrize(("seconds", "asked"), [(590, 0), (610, 1)])
def test_every_key_is_asked_each_ten_minutes(world, keys_asked, monkeypatch, seconds, asked):
    world.bind("org_123", "key_abc")
    before = world.store.actions().count("vault.byok_key.verification_completed")
    age(monkeypatch, seconds)

    keys_asked.begin(4)
    ask_all(keys_asked)

    assert world.store.actions().count("vault.byok_key.verification_completed") - before == asked


def test_a_pending_binding_is_not_asked(world, keys_asked, monkeypatch):
    world.bind("org_123", "key_abc", activate=False)
    age(monkeypatch, 610)

    keys_asked.begin(4)
    ask_all(keys_asked)

    assert "vault.byok_key.verification_completed" not in world.store.actions()


def test_what_is_found_again_does_not_let_every_process_read_its_bindings_anew(world, keys_asked, monkeypatch):
    world.bind("org_123", "key_abc")
    epoch = world.store.bindings.load(ENVIRONMENT, "org_123").epoch
    age(monkeypatch, 610)

    keys_asked.begin(4)
    ask_all(keys_asked)

    assert world.store.bindings.load(ENVIRONMENT, "org_123").epoch == epoch
