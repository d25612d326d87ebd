"""So many versions of an object are kept, and the oldest goes with the write that makes one more: on every store."""

from dataclasses import replace

import pytest

from faults.proxy import Fault, Script
from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import uuid_text
from sealring.errors import IntegrityFailure, NotFound, OutcomeUnknown
from sealring.services.objects import ObjectLimits
from sealring.store.connection.link import Link
from sealring.store.connection.links import Links
from support.make import ACME, ENVIRONMENT, caller, context, gateway, services
from support.stores import on_links, on_parts, parts_on

ME = caller(ACME)
ROOT = gateway(bytes(32))


def keeping(store, count):
    """Every use case, with so many versions of an object."""
    return services(store, limits=ObjectLimits(max_versions=count), provider_gateway=ROOT)


def create(use):
    return use.objects.create(ME, name="name", value="value 1", context=context())


def update(use, record, who=ME, version_check=None):
    number = record.current.number + 1
    return use.objects.update(who, str(record.id), value=f"value {number}", version_check=version_check, contexts=())


def updated(use, record, times):
    for _ in range(times):
        record = update(use, record)
    return record


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


# --- in a real store


@pytest.fixture
def parts(links):
    parts = parts_on(links)
    parts.markers.begin()
    return parts


@pytest.fixture
def use(parts):
    return keeping(on_parts(parts), 3)


@pytest.fixture
def record(use):
    return updated(use, create(use), 3)


def held(parts, record):
    """The numbers of the older versions in the store, by hash and by list."""
    records, keyspace = parts.records, parts.keyspace
    flat, summaries = parts.links.call(
        (b"HGETALL", keyspace.versions(record.id)), (b"LRANGE", keyspace.summaries(record.id), 0, -1)
    )
    versions = [records.decode_version(record, *each) for each in zip(flat[::2], flat[1::2], strict=True)]
    return sorted(each.number for each in versions), [
        records.decode_summary(record.id, each).number for each in summaries
    ]


def test_what_is_dropped_is_gone_from_the_store(parts, record):
    assert held(parts, record) == ([2, 3], [3, 2])


def test_nothing_is_left_of_older_versions_where_none_is_kept(parts, record):
    use = keeping(on_parts(parts), 1)

    update(use, record)

    assert parts.links.call(
        (b"EXISTS", parts.keyspace.versions(record.id)), (b"EXISTS", parts.keyspace.summaries(record.id))
    ) == [0, 0]


def test_the_oldest_goes_in_the_transaction_of_the_write(parts, use, record, monkeypatch):
    send, sent = Link.send, []

    def listening(self, *commands):
        if commands[0] == (b"MULTI",):
            sent.append([command[0] for command in commands])
        return send(self, *commands)

    monkeypatch.setattr(Link, "send", listening)
    update(use, record)

    (commands,) = sent
    assert commands[0] == b"MULTI"
    assert commands[-1] == b"EXEC"
    assert {b"SET", b"HSET", b"LPUSH", b"LTRIM", b"HDEL", b"XADD"} < set(commands)


def test_the_write_of_an_object_with_all_its_versions_takes_no_round_trip_more(use, record, monkeypatch):
    """Then it can be one of a group, too: a member of a group reads once."""
    send, sent = Link.send, []

    def listening(self, *commands):
        sent.append([command[0] for command in commands])
        return send(self, *commands)

    monkeypatch.setattr(Link, "send", listening)
    update(use, record)

    assert [(commands[0], commands[-1]) for commands in sent] == [(b"WATCH", b"TIME"), (b"MULTI", b"EXEC")]


def test_an_object_with_a_version_too_many_in_its_list_is_not_written(parts, use, record):
    """Put there by somebody: the version that has to go is not where it has to be."""
    key = parts.keyspace.summaries(record.id)
    (newest,) = parts.links.call((b"LINDEX", key, 0))
    parts.links.call((b"RPUSH", key, newest))

    with pytest.raises(IntegrityFailure):
        update(use, record)


def test_one_that_is_kept_and_missing_is_refused(parts, use, record):
    """Its summary says that it is kept."""
    kept = use.versions.list(ME, str(record.id))[1].id
    parts.links.call((b"HDEL", parts.keyspace.versions(record.id), kept))

    with pytest.raises(IntegrityFailure):
        use.versions.read(ME, str(record.id), uuid_text(kept))


def test_one_that_never_was_is_not_found(use, record):
    with pytest.raises(NotFound):
        use.versions.read(ME, str(record.id), uuid_text(bytes(16)))


def test_one_that_never_was_is_refused_where_nobody_can_tell(parts, use, record):
    """The list of those that are kept is of another type."""
    key = parts.keyspace.summaries(record.id)
    parts.links.call((b"DEL", key), (b"SET", key, b"x"))

    with pytest.raises(IntegrityFailure):
        use.versions.read(ME, str(record.id), uuid_text(bytes(16)))


@pytest.mark.parametrize("place", [0, -1])
def test_a_list_that_lacks_one_that_is_kept_is_refused(parts, use, record, place):
    key = parts.keyspace.summaries(record.id)
    (member,) = parts.links.call((b"LINDEX", key, place))
    parts.links.call((b"LREM", key, 0, member))

    with pytest.raises(IntegrityFailure):
        use.versions.list(ME, str(record.id))


def test_a_list_that_has_one_that_was_dropped_is_refused(parts, use, record):
    """Put back by somebody."""
    key = parts.keyspace.summaries(record.id)
    (oldest,) = parts.links.call((b"LINDEX", key, -1))
    update(use, record)
    parts.links.call((b"RPUSH", key, oldest))

    with pytest.raises(IntegrityFailure):
        use.versions.list(ME, str(record.id))


def test_one_that_was_dropped_and_put_back_by_somebody_is_not_found(parts, use, record):
    """It has our MAC, and is a version of this object."""
    key, first = parts.keyspace.versions(record.id), use.versions.list(ME, str(record.id))[-1].id
    (raw,) = parts.links.call((b"HGET", key, first))
    update(use, record)
    parts.links.call((b"HSET", key, first, raw))

    with pytest.raises(NotFound):
        use.versions.read(ME, str(record.id), uuid_text(first))


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
