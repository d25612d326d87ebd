"""The oldest version goes in the transaction of the write that makes one too many, and none can be put back."""

import pytest

from sealring.domain.ids import uuid_text
from sealring.errors import IntegrityFailure, NotFound
from sealring.store.connection.link import Link
from store.versions_kit import ME, create, keeping, update, updated
from support.stores import on_parts, parts_on


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
