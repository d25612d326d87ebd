"""Batches of objects: each as if it had been asked for by itself."""

import time
from dataclasses import replace

import pytest

from sealring.domain.context import KeyContext
from sealring.errors import Forbidden, NameTaken, NotFound, NotReached, PayloadTooLarge, StoreLost, StoreUnavailable
from sealring.services import object_batches
from sealring.services.object_batches import NewObject, ObjectBatches, Wanted
from support.make import ACME, BETA, caller, services
from support.stores import memory

ME = caller(ACME)


@pytest.fixture
def store():
    return memory()


@pytest.fixture
def use(store):
    return services(store)


def new(name, value="value", org=ACME):
    return NewObject(name, value, KeyContext.of({"organization_id": org}))


def created(use, *objects, who=ME):
    results = use.object_batches.create(who, dict(enumerate(objects)))
    return [results[place] for place in range(len(objects))]


def read(use, *wanted, who=ME):
    results = use.object_batches.read(who, dict(enumerate(wanted)))
    return [results[place] for place in range(len(wanted))]


def kinds(results):
    return [type(each) if isinstance(each, Exception) else None for each in results]


def test_each_object_is_created_or_has_its_own_failure(use):
    results = created(use, new("one"), new("one"), new("two"), new("three", org=BETA))

    assert kinds(results) == [None, NameTaken, None, Forbidden]


def test_each_object_has_a_data_key_of_its_own(use):
    one, two = created(use, new("one"), new("two"))

    assert one.current.envelope.commitment != two.current.envelope.commitment


def test_objects_are_read_by_id_and_by_name(use):
    one, two = created(use, new("one", "1"), new("two", "2"))

    found = read(use, Wanted(name="two"), Wanted(str(one.id)), Wanted(str(two.id)), Wanted(name="one", org=ACME))

    assert [each.value for each in found] == ["2", "1", "2", "1"]


def test_what_is_missing_holds_up_no_other(use):
    (one,) = created(use, new("one"))

    assert kinds(read(use, Wanted("no id"), Wanted(str(one.id)), Wanted(name="x"))) == [NotFound, None, NotFound]


def test_each_read_has_an_event_that_no_other_has(use, store):
    (one,) = created(use, new("one"))

    read(use, Wanted(str(one.id)), Wanted(str(one.id)))

    events = [event for event in store.audit.events if event.action == "vault.object.read"]
    assert len({event.origin.operation for event in events}) == len(events) == 2


def test_values_beyond_the_room_of_a_response_are_not_read(use, monkeypatch):
    monkeypatch.setattr(object_batches, "MAX_READ_BYTES", 40)
    objects = created(use, *(new(f"name {number}", "v" * 20) for number in range(4)))

    found = read(use, *(Wanted(str(each.id)) for each in objects))

    assert kinds(found) == [None, None, PayloadTooLarge, PayloadTooLarge]


def test_items_after_the_deadline_are_not_begun(use, store):
    (one,) = created(use, new("one"))
    late = replace(ME, deadline=time.monotonic())

    assert kinds(created(use, new("late"), who=late)) == [NotReached]
    assert kinds(read(use, Wanted(str(one.id)), who=late)) == [NotReached]
    assert kinds(read(use, Wanted(name="late"))) == [NotFound]


class Failing:
    """Objects whose use cases fail."""

    def __init__(self, failure):
        self._failure = failure

    def read(self, _caller, _text_id):
        raise self._failure


def test_a_lost_store_is_no_failure_of_an_item():
    """Whatever was created before may be gone: the operator is told, and the client asks for everything again."""
    batches = ObjectBatches(Failing(StoreLost()), memory().audit)

    with pytest.raises(StoreLost):
        batches.read(ME, {0: Wanted("one")})


def test_a_store_that_does_not_answer_is_the_failure_of_an_item():
    batches = ObjectBatches(Failing(StoreUnavailable("It does not answer.")), memory().audit)

    assert kinds(batches.read(ME, {0: Wanted("one")}).values()) == [StoreUnavailable]
