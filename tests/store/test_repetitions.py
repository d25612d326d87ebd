"""A request that is sent again changes nothing, and gets what the first one got: on every store."""

from dataclasses import replace

import pytest

from sealring.errors import IdempotencyKeyReused, NameTaken, NotFound
from sealring.services.operations import Progress
from store.sending import create, sends
from support import stores
from support.make import ACME, BETA, OTHER_ENVIRONMENT, caller, services

CREATED, UPDATED, DELETED = "vault.object.created", "vault.object.updated", "vault.object.deleted"


@pytest.fixture
def use(store):
    return services(store)


def update(use, who, record, value="new"):
    return use.objects.update(who, str(record.id), value=value, version_check=None, contexts=())


def delete(use, who, record):
    return use.objects.delete(who, str(record.id), version_check=None)


@pytest.mark.parametrize("name", ["key-1", ""])
def test_a_create_that_is_sent_again_makes_one_object(use, store, name):
    who = sends("create", name=name)

    first, second = create(use, who), create(use, who)

    assert second == first
    assert store.actions().count(CREATED) == 1


@pytest.mark.parametrize("name", ["key-1", ""])
def test_an_update_that_is_sent_again_makes_one_version(use, store, name):
    record = create(use, caller(ACME))
    who = sends("update", name=name, place="PUT /kv/1")

    first, second = update(use, who, record), update(use, who, record)

    assert second == first
    assert second.current.number == 2
    assert store.actions().count(UPDATED) == 1


@pytest.mark.parametrize("name", ["key-1", ""])
def test_a_delete_that_is_sent_again_succeeds(use, store, name):
    record = create(use, caller(ACME))
    who = sends("delete", name=name, place="DELETE /kv/1")

    first, second = delete(use, who, record), delete(use, who, record)

    assert second == first
    assert store.actions().count(DELETED) == 1


def test_a_key_is_of_one_environment():
    """The same principal, path and organization, in a store of one partition, where all keys lie together."""
    use = services(stores.on_fakeredis(partitions=1))
    here = sends("create", name="key-1")
    there = sends("create this", name="key-1", who=caller(ACME, environment=OTHER_ENVIRONMENT))
    there = replace(there, idempotent=replace(there.idempotent, environment=OTHER_ENVIRONMENT))

    assert create(use, here).id != create(use, there).id


def test_a_repetition_gets_the_version_of_the_first_request_whatever_came_after(use):
    who = sends("create", name="key-1")
    first = create(use, who)
    update(use, caller(ACME), first)

    again = create(use, who)

    assert again.current == first.current
    assert again.updated_at == first.updated_at


def test_a_repetition_gets_the_time_of_the_first_request_whatever_became_of_the_object(use):
    who = sends("create", name="key-1")
    first = create(use, who)
    delete(use, caller(ACME), first)

    again = create(use, who)

    assert (again.id, again.current, again.updated_at) == (first.id, first.current, first.updated_at)


def test_a_repeated_restore_gets_the_time_of_the_first_one_not_of_its_version(use):
    record = create(use, caller(ACME))
    delete(use, caller(ACME), record)
    who = sends("restore", name="key-1", place="POST /kv/1/restore")
    first = use.objects.restore(who, str(record.id))
    update(use, caller(ACME), record)

    again = use.objects.restore(who, str(record.id))

    assert (again.current, again.updated_at) == (first.current, first.updated_at)


def named_later(who):
    """The caller of a nameless request, who gives it a name as it sends it again."""
    return replace(who, idempotent=replace(who.idempotent, name="key-1", nameless=who.idempotent))


def test_a_request_that_gets_its_name_when_it_is_sent_again_is_done_once(use, store):
    record = create(use, caller(ACME))
    who = sends("update", place="PUT /kv/1")

    first, second = update(use, who, record), update(use, named_later(who), record)

    assert second == first
    assert store.actions().count(UPDATED) == 1


def test_a_request_that_got_its_name_keeps_its_outcome_whoever_wrote_since(use, store):
    record = create(use, caller(ACME))
    who = sends("update", place="PUT /kv/1")
    first = update(use, who, record)
    update(use, named_later(who), record)
    other = update(use, caller(ACME), record, "of another")

    again = update(use, named_later(who), record)

    assert (again.current, again.updated_at) == (first.current, first.updated_at)
    assert use.objects.describe(caller(ACME), str(record.id)).current == other.current
    assert use.operations.find(who, "key-1").progress is Progress.COMMITTED


def test_a_request_that_gets_its_name_when_it_is_sent_again_is_new_once_somebody_else_wrote(use):
    record = create(use, caller(ACME))
    who = sends("update", place="PUT /kv/1")
    update(use, who, record, "A")
    update(use, caller(ACME), record, "B")

    again = update(use, named_later(who), record, "A")

    assert again.current.number == 4


def test_what_was_named_is_no_repetition_of_what_was_named_otherwise(use, store):
    record = create(use, caller(ACME))
    who = sends("update", place="PUT /kv/1")
    update(use, named_later(who), record)

    update(use, replace(who, idempotent=replace(named_later(who).idempotent, name="key-2")), record)

    assert store.actions().count(UPDATED) == 2


def test_a_name_that_comes_with_another_request_is_refused(use, store):
    create(use, sends("create", name="key-1"))

    with pytest.raises(IdempotencyKeyReused):
        create(use, sends("create another", name="key-1"), name="other")

    assert store.actions().count(CREATED) == 1


def test_a_name_is_good_for_one_place_each(use):
    record = create(use, sends("create", name="key-1"))

    updated = update(use, sends("update", name="key-1", place="PUT /kv/1"), record)

    assert updated.current.number == 2


def test_the_same_name_of_two_callers_is_two_requests(use):
    alice, bob = caller(ACME, subject="alice"), caller(ACME, subject="bob")

    first = create(use, sends("create", name="key-1", who=alice))
    second = create(use, sends("another", name="key-1", who=bob), name="other")

    assert first.id != second.id


def test_a_caller_who_lost_the_organization_gets_nothing_by_repeating(use):
    record = create(use, caller(ACME))
    who = sends("update", name="key-1", place="PUT /kv/1")
    update(use, who, record)
    elsewhere = replace(caller(BETA), idempotent=who.idempotent)

    with pytest.raises(NotFound):
        update(use, elsewhere, record)


def test_without_a_name_a_request_is_new_again_once_somebody_else_wrote(use):
    record = create(use, caller(ACME))
    first, other = (sends(f"update {value}", place="PUT /kv/1") for value in "AB")
    update(use, first, record, "A")
    update(use, other, record, "B")

    again = update(use, first, record, "A")

    assert again.current.number == 4
    assert use.objects.read(caller(ACME), str(record.id)).value == "A"


def test_without_a_name_a_create_is_refused_once_the_object_was_updated(use):
    who = sends("create")
    record = create(use, who)
    update(use, caller(ACME), record)

    with pytest.raises(NameTaken):
        create(use, who)


def test_without_a_name_an_object_that_was_restored_is_deleted_again(use):
    record = create(use, caller(ACME))
    who = sends("delete", place="DELETE /kv/1")
    delete(use, who, record)
    use.objects.restore(caller(ACME), str(record.id))

    delete(use, who, record)

    with pytest.raises(NotFound):
        use.objects.read(caller(ACME), str(record.id))


def test_a_request_that_was_refused_is_tried_again(use):
    record = create(use, caller(ACME))
    who = sends("create", name="key-1")
    with pytest.raises(NameTaken):
        create(use, who)
    delete(use, caller(ACME), record)

    assert create(use, who).name == "name"
