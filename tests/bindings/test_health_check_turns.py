"""Organizations take turns when their keys are asked, and nothing that fails stops the rest."""

import threading

import pytest

from bindings.conftest import world_on
from bindings.health_kit import age, ask_all, asked
from sealring.errors import IntegrityFailure, StoreUnavailable
from sealring.services.health_checks import FailedKeys, HealthChecks
from support import stores
from support.clock import Clock
from support.make import ENVIRONMENT, caller
from support.waiting import becomes_true


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


def bind_many(world, org, count):
    for number in range(count):
        world.bind(org, f"key_{org}_{number}", match={"organization_id": org, "part": f"p{number}"})


def test_organizations_take_turns_however_many_keys_one_has(world, keys_asked, monkeypatch):
    for org, count in {"org_many": 5, "org_few": 2, "org_one": 1}.items():
        bind_many(world, org, count)
    before = len(asked(world))
    age(monkeypatch, 610)

    keys_asked.begin(4)
    ask_all(keys_asked)

    order = asked(world)[before:]
    assert set(order[:3]) == {"org_many", "org_few", "org_one"}
    assert set(order[3:5]) == {"org_many", "org_few"}
    assert order[5:] == ["org_many"] * 3


def test_the_key_that_was_asked_longest_ago_is_asked_first(world, keys_asked, monkeypatch):
    bind_many(world, "org_123", 3)
    first, second, third = world.use.bindings.list(caller("org_123"), "org_123")
    for binding in (second, third, first):
        world.turn(binding, "validate")
    logs = {each.key: len(world.kms[each.key].log) for each in (first, second, third)}
    age(monkeypatch, 610)

    keys_asked.begin(4)
    assert keys_asked.check_next()

    assert [key for key, before in logs.items() if len(world.kms[key].log) > before] == [second.key]


def test_a_key_that_does_not_answer_keeps_no_other_organization_waiting(alarms, monkeypatch):
    world = world_on(stores.memory(), waits=True)
    keys_asked = HealthChecks(world.store.bindings, world.use.bindings, alarms)
    bind_many(world, "org_dead", 3)
    bind_many(world, "org_alive", 3)
    dead = [world.kms[f"key_org_dead_{number}"] for number in range(3)]
    logged = sum(len(key.log) for key in dead)
    for key in dead:
        key.hangs = True
    before = len(asked(world))
    age(monkeypatch, 610)
    keys_asked.begin(4)

    threads = [threading.Thread(target=ask_all, args=(keys_asked,)) for _ in range(2)]
    for thread in threads:
        thread.start()

    assert becomes_true(lambda: asked(world)[before:] == ["org_alive"] * 3, within_s=2.5)  # a call waits for three
    assert sum(len(key.log) for key in dead) == logged + 1  # one of its keys at a time
    for key in dead:
        key.hangs = False
    for thread in threads:
        thread.join()


def test_rounds_ask_beside_the_requests_of_an_organization_that_has_its_share(alarms, monkeypatch):
    world = world_on(stores.memory(), waits=True, threads=2)
    keys_asked = HealthChecks(world.store.bindings, world.use.bindings, alarms)
    bind_many(world, "org_123", 1)
    before = len(asked(world))
    age(monkeypatch, 610)
    keys_asked.begin(4)

    def beside():
        with world.gateway.beside_requests():
            keys_asked.check_next()

    with world.gateway.place(ENVIRONMENT, "org_123", ["cmk"]):
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()

    assert asked(world)[before:] == ["org_123"]
    assert world.use.bindings.list(caller("org_123"), "org_123")[0].verification.verified


def test_a_clock_that_is_ahead_lets_each_key_be_asked_once(world, keys_asked, monkeypatch):
    """What was stored a moment ago looks ten minutes old: asking on and on would use up the owner's quota."""
    bind_many(world, "org_123", 3)
    before = len(asked(world))
    age(monkeypatch, 100_000)

    keys_asked.begin(4)
    ask_all(keys_asked)

    assert asked(world)[before:] == ["org_123"] * 3


def test_bindings_that_are_damaged_stop_nobody_elses(world, keys_asked, monkeypatch):
    bind_many(world, "org_damaged", 2)
    bind_many(world, "org_whole", 2)
    before = len(asked(world))
    age(monkeypatch, 610)
    load = world.store.bindings.load

    def damaged(environment, org):
        if org == "org_damaged":
            raise IntegrityFailure("the bindings of an organization are not all of them")
        return load(environment, org)

    monkeypatch.setattr(world.store.bindings, "load", damaged)

    keys_asked.begin(4)
    ask_all(keys_asked)

    assert asked(world)[before:] == ["org_whole"] * 2


def test_a_partition_whose_owners_are_damaged_stops_no_other(world, keys_asked, monkeypatch):
    bind_many(world, "org_123", 1)
    before = len(asked(world))
    age(monkeypatch, 610)
    owners, mine = world.store.bindings.owners, world.store.bindings.home(ENVIRONMENT, "org_123").partition

    def damaged(partition):
        if partition != mine:
            raise IntegrityFailure("the owner of a binding")
        return owners(partition)

    monkeypatch.setattr(world.store.bindings, "owners", damaged)

    assert keys_asked.begin(mine + 3) == mine + 2
    ask_all(keys_asked)
    assert asked(world)[before:] == ["org_123"]


def test_a_store_that_is_away_is_told_and_the_rest_goes_on(world, keys_asked, monkeypatch):
    bind_many(world, "org_a", 1)
    bind_many(world, "org_b", 1)
    before = len(asked(world))
    age(monkeypatch, 610)
    load, failing = world.store.bindings.load, [True]

    def away_once(environment, org):
        if failing:
            failing.pop()
            raise StoreUnavailable("away")
        return load(environment, org)

    monkeypatch.setattr(world.store.bindings, "load", away_once)
    keys_asked.begin(4)

    with pytest.raises(StoreUnavailable):
        keys_asked.check_next()
    ask_all(keys_asked)

    assert len(asked(world)[before:]) == 1


def test_whoever_stands_down_leaves_the_keys_of_all_and_answers_alarms(world, keys_asked, alarms, monkeypatch):
    bind_many(world, "org_a", 1)
    bind_many(world, "org_b", 1)
    before = len(asked(world))
    age(monkeypatch, 610)
    keys_asked.begin(4)
    alarms.note(ENVIRONMENT, "org_b")
    keys_asked.enqueue_failed()

    keys_asked.cancel()
    ask_all(keys_asked)

    assert asked(world)[before:] == ["org_b"]
