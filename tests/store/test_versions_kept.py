"""So many versions of an object are kept, and a lost answer does not hide which."""

from dataclasses import replace

import pytest

from faults.proxy import Fault, Script
from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import uuid_text
from sealring.errors import NotFound, OutcomeUnknown
from sealring.store.connection.links import Links
from store.versions_kit import ME, create, keeping, update, updated
from support.make import ENVIRONMENT
from support.stores import on_links


def numbers(use, record):
    return [each.number for each in use.versions.list(ME, str(record.id))]


def values(use, record):
    """Those of the versions that are listed."""
    listed = use.versions.list(ME, str(record.id))
    return [use.versions.read(ME, str(record.id), uuid_text(each.id)).value for each in listed]


def test_the_newest_are_kept_and_all_of_them_can_be_read(store):
    use = keeping(store, 3)

    record = updated(use, create(use), 4)

    assert numbers(use, record) == [5, 4, 3]
    assert values(use, record) == ["value 5", "value 4", "value 3"]
    assert use.objects.read(ME, str(record.id)).value == "value 5"


def test_none_is_dropped_before_there_are_too_many(store):
    use = keeping(store, 3)

    assert numbers(use, updated(use, create(use), 2)) == [3, 2, 1]


def test_one_that_was_dropped_is_not_found(store):
    use = keeping(store, 2)
    first = create(use)
    record = updated(use, first, 2)

    with pytest.raises(NotFound, match="^Version not found"):
        use.versions.read(ME, str(record.id), uuid_text(first.current.id))


def test_of_one_version_there_is_no_other(store):
    use = keeping(store, 1)
    first = create(use)

    record = updated(use, first, 3)

    assert numbers(use, record) == [4]
    assert use.objects.read(ME, str(record.id)).value == "value 4"
    with pytest.raises(NotFound):
        use.versions.read(ME, str(record.id), uuid_text(first.current.id))


def test_a_lower_limit_drops_many_with_the_next_update(store):
    record = updated(keeping(store, 10), create(keeping(store, 10)), 6)
    use = keeping(store, 2)
    assert numbers(use, record) == [7, 6, 5, 4, 3, 2, 1]

    record = update(use, record)

    assert values(use, record) == ["value 8", "value 7"]


@pytest.mark.parametrize("lower", [1, 2])
def test_a_higher_limit_keeps_more_from_then_on(store, lower):
    record = updated(keeping(store, lower), create(keeping(store, lower)), 3)
    use = keeping(store, 4)

    assert numbers(use, record) == [4, 3][:lower]
    assert numbers(use, updated(use, record, 1)) == [5, 4, 3][: lower + 1]
    assert numbers(use, updated(use, record, 4)) == [9, 8, 7, 6]


def test_a_delete_and_a_restore_drop_nothing(store):
    use = keeping(store, 3)
    record = updated(use, create(use), 2)
    use = keeping(store, 1)

    use.objects.delete(ME, str(record.id), version_check=None)
    use.objects.restore(ME, str(record.id))

    assert values(use, record) == ["value 3", "value 2", "value 1"]


@pytest.mark.parametrize("name", ["key-1", ""])
def test_an_update_whose_version_was_dropped_is_recognised_when_it_is_sent_again(store, name):
    """Without a name, while nobody has written since."""
    use = keeping(store, 1)
    record = create(use)
    who = replace(ME, idempotent=IdempotentRequest(ENVIRONMENT, ME.principal.actor, name, b"PUT /kv/1", bytes(16)))
    first = update(use, record, who)
    latest = updated(use, first, 2 if name else 0)

    again = update(use, record, who)

    assert again.current.id == first.current.id
    assert (again.id, again.updated_at) == (first.id, first.updated_at)
    assert numbers(use, record) == [latest.current.number]


# --- where an answer is lost


@pytest.fixture
def beside(links, proxy):
    """A store through the proxy, one beside it, and an object in both."""
    through = Links.to(f"redis://{proxy.address}")
    stores = on_links(through), on_links(links)
    yield (*stores, create(keeping(stores[1], 1)))
    through.close()


@pytest.mark.parametrize("kept", [1, 2])
def test_what_became_of_an_update_that_may_have_been_dropped_is_unknown(beside, proxy, kept):
    """Our EXEC landed, its answer was lost, and others wrote as many versions as are kept before we looked."""
    store, direct, record = beside
    use, rival = keeping(store, kept), keeping(direct, kept)
    use.objects.read(ME, str(record.id))  # so that the next EXEC is the update's
    proxy.before_fault = lambda: updated(rival, record, kept)
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    with pytest.raises(OutcomeUnknown):
        update(use, record, version_check=uuid_text(record.current.id))

    assert numbers(rival, record)[0] == 2 + kept


@pytest.mark.parametrize("kept", [2, 3])
def test_an_update_that_is_still_kept_is_known_as_our_own(beside, proxy, kept):
    store, direct, record = beside
    use, rival = keeping(store, kept), keeping(direct, kept)
    use.objects.read(ME, str(record.id))
    proxy.before_fault = lambda: updated(rival, record, kept - 1)
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    ours = update(use, record, version_check=uuid_text(record.current.id))

    assert ours.current.number == 2
    assert numbers(rival, record)[0] == 1 + kept
