"""What a restore writes is what the entries hold in the end, whatever they held before."""

from contextlib import closing

import pytest

from sealring.errors import BackupRefused, StoreUnavailable
from sealring.store.backup.bulk import BulkWriter
from sealring.store.backup.claim import Claim
from sealring.store.backup.entries import (
    BindingsEntry,
    BoundKekEntry,
    EndEntry,
    EventEntry,
    KeyEntry,
    ObjectEntry,
    PartitionEntry,
    RevocationsEntry,
    VersionEntry,
    encode_entry,
    read_entries,
)
from sealring.store.backup.restore import Restore, Survey
from sealring.store.connection.links import Links
from sealring.store.schema.counts import Counts
from sealring.store.schema.keyspace import Kind
from support.stores import parts_on

ID, OTHER = bytes(16), bytes(15) + b"\1"
OBJECT, GONE = ObjectEntry(ID, b"record", (b"summary",)), ObjectEntry(ID, b"", ())
VERSION = VersionEntry(ID, OTHER, b"older")
KEK, NO_KEK = KeyEntry(Kind.KEK, ID, b"kek", (b"w1", b"5", b"d1", b"3")), KeyEntry(Kind.KEK, ID, b"")
BOUND, NO_BOUND = BoundKekEntry(OTHER, b"bound", (b"v1", b"2", b"l", b"7-0")), BoundKekEntry(OTHER, b"")
SCOPE = KeyEntry(Kind.KEK_SCOPE, ID, b"one")
BINDINGS, NO_BINDINGS = BindingsEntry(b"env:org", (b"", b"seal", ID, b"first")), BindingsEntry(b"env:org", ())
REVOCATIONS, NO_REVOCATIONS = RevocationsEntry(b"env", (b"", b"seal", ID, b"first")), RevocationsEntry(b"env", ())
EVENT = EventEntry(b"5-0", (b"action", b"x"))

EVERY_ENTRY = [
    *(PartitionEntry(0), EVENT, OBJECT, VERSION, KEK, SCOPE, BINDINGS, REVOCATIONS, BOUND),
    EndEntry(Counts(1, 1, 2, 1, 1, 1, 1)),
]


@pytest.fixture
def links(installed, engines):
    with closing(Links.to(engines[1])) as links:
        yield links


@pytest.fixture
def restored(links):
    """Restores the entries of one partition, and returns what is in the store then."""

    def restore(*entries):
        told = [PartitionEntry(0), *entries]
        parts = parts_on(links, 1)
        claim = Claim(links, parts.keyspace)
        claim.take()
        Restore(parts, claim, Survey(told, 1).replaced).write(told)
        return {key.removeprefix(b"s1:{0}:") for key in links.scan(b"*")} - {b"s1:layout", b"z"}

    return restore


@pytest.fixture
def claim(links):
    claim = Claim(links, parts_on(links, 1).keyspace)
    claim.take()
    return claim


def test_each_entry_is_written(links, restored):
    assert restored(EVENT, OBJECT, VERSION, KEK, SCOPE, BINDINGS, REVOCATIONS, BOUND) == {
        b"r:env",
        b"b:env:org",
        b"q",
        b"a",
        b"o:" + ID,
        b"s:" + ID,
        b"v:" + ID,
        b"k:" + ID,
        b"u:" + ID,
        b"c:" + ID,
        b"k:" + OTHER,
        b"u:" + OTHER,
        b"ul:" + OTHER,
    }
    assert links.call(
        (b"GET", b"s1:{0}:o:" + ID),
        (b"LRANGE", b"s1:{0}:s:" + ID, 0, -1),
        (b"HGETALL", b"s1:{0}:v:" + ID),
        (b"GET", b"s1:{0}:k:" + ID),
        (b"GET", b"s1:{0}:c:" + ID),
        (b"GET", b"s1:{0}:k:" + OTHER),
        (b"HGETALL", b"s1:{0}:b:env:org"),
        (b"HGETALL", b"s1:{0}:r:env"),
        (b"HGETALL", b"s1:{0}:q"),
        (b"XRANGE", b"s1:{0}:a", b"-", b"+"),
    ) == [
        *(b"record", [b"summary"], [OTHER, b"older"], b"kek", b"one", b"bound"),
        *([b"", b"seal", ID, b"first"], [b"", b"seal", ID, b"first"], [ID, b"env org"]),
        [[b"5-0", [b"action", b"x"]]],
    ]


@pytest.mark.parametrize(
    "entries",
    [
        (OBJECT, VERSION, GONE),
        (GONE, OBJECT, VERSION, GONE),
        (OBJECT, OBJECT, VERSION, GONE),
        (KEK, NO_KEK),
        (NO_KEK,),
        (BINDINGS, NO_BINDINGS),
        (REVOCATIONS, NO_REVOCATIONS),
        (BOUND, NO_BOUND),
        (NO_BOUND,),
    ],
)
def test_what_is_gone_in_the_end_is_not_written(restored, entries):
    assert restored(*entries) == set()


@pytest.mark.parametrize("entries", [(GONE, OBJECT), (OBJECT, GONE, OBJECT), (OBJECT, VERSION, OBJECT)])
def test_what_is_there_in_the_end_is_written_without_what_was_before(restored, entries):
    assert restored(*entries) == {b"o:" + ID, b"s:" + ID}


def test_of_several_the_last_one_is_written(links, restored):
    restored(KEK, ObjectEntry(ID, b"first", ()), KeyEntry(Kind.KEK, ID, b"last"), ObjectEntry(ID, b"last", ()))

    assert links.call((b"GET", b"s1:{0}:o:" + ID), (b"GET", b"s1:{0}:k:" + ID)) == [b"last", b"last"]


def test_counts_of_wraps_are_restored_upwards_and_others_as_they_were(links, restored):
    """By 2**26, for what the KEK may have wrapped after the backup; and not again for an entry that was replaced."""
    restored(KEK, KeyEntry(Kind.KEK, ID, b"kek", (b"w1", b"6", b"d1", b"3", b"w2", b"0")))

    (flat,) = links.call((b"HGETALL", b"s1:{0}:u:" + ID))
    assert dict(zip(flat[::2], flat[1::2], strict=True)) == {b"w1": b"67108870", b"d1": b"3", b"w2": b"67108864"}


def test_counts_that_are_no_numbers_are_restored_as_they_were(links, restored):
    restored(KeyEntry(Kind.KEK, ID, b"kek", (b"w1", b"noise", b"d1", b"-3")))

    (flat,) = links.call((b"HGETALL", b"s1:{0}:u:" + ID))
    assert dict(zip(flat[::2], flat[1::2], strict=True)) == {b"w1": b"noise", b"d1": b"-3"}


def test_events_are_written_again_where_the_answer_was_lost(links, claim):
    """The stream refuses an id that it has, and has as many events as there are to be."""
    for _ in range(2):
        writer = BulkWriter(links, claim, b"s1:{0}:a")
        writer.append(b"5-0", (b"action", b"x"))
        writer.append(b"5-1", (b"action", b"y"))
        writer.flush()

    assert links.call((b"XLEN", b"s1:{0}:a")) == [2]


def test_events_that_the_store_refuses_are_not_passed_over(links, claim):
    links.call((b"XADD", b"s1:{0}:a", b"6-0", b"action", b"theirs"))
    writer = BulkWriter(links, claim, b"s1:{0}:a")
    writer.append(b"5-0", (b"action", b"x"))
    writer.append(b"5-1", (b"action", b"y"))

    with pytest.raises(StoreUnavailable):
        writer.flush()


def test_a_write_that_the_store_refuses_is_not_passed_over(links, claim):
    links.call((b"SET", b"s1:{0}:v:" + ID, b"no hash"))
    writer = BulkWriter(links, claim, b"s1:{0}:a")
    writer.write((b"HSET", b"s1:{0}:v:" + ID, b"field", b"value"))

    with pytest.raises(StoreUnavailable):
        writer.flush()


# --- the entries themselves


def test_entries_are_read_as_they_were_written():
    raw = b"".join(map(encode_entry, EVERY_ENTRY))

    assert list(read_entries([raw])) == EVERY_ENTRY
    assert list(read_entries(bytes((byte,)) for byte in raw)) == EVERY_ENTRY


def test_entries_that_were_cut_off_are_refused():
    raw = b"".join(map(encode_entry, EVERY_ENTRY))

    for size in range(len(raw)):
        with pytest.raises(ValueError):
            list(read_entries([raw[:size]]))


@pytest.mark.parametrize(
    "raw",
    [
        b"".join(map(encode_entry, EVERY_ENTRY)) + b"\0",
        b"\0\0\0\1\x08",
        b"\0\0\0\0",
        b"\0\0\0\4\1\0\0\0",
        b"\0\0\0\x08\4x\0\0" + bytes(4),
        b"\0\0\0\x08\4o\0\0" + bytes(4),
    ],
    ids=["trailing", "an unknown entry", "an empty entry", "a longer entry", "an unknown key", "a key of another kind"],
)
def test_what_is_no_entry_is_refused(raw):
    with pytest.raises(ValueError):
        list(read_entries([raw]))


@pytest.mark.parametrize(
    "entries",
    [
        [PartitionEntry(0), EndEntry(Counts())],
        [PartitionEntry(0), PartitionEntry(1), PartitionEntry(2), EndEntry(Counts())],
        [PartitionEntry(1), PartitionEntry(0), EndEntry(Counts())],
        [PartitionEntry(0), PartitionEntry(0), EndEntry(Counts())],
        [PartitionEntry(0), KEK, PartitionEntry(1), EndEntry(Counts())],
        [PartitionEntry(0), PartitionEntry(1), EndEntry(Counts(entries=1))],
    ],
)
def test_a_backup_of_two_partitions_that_contradicts_itself_is_refused(entries):
    with pytest.raises(BackupRefused, match="does not match its own counts or partitions"):
        Survey(entries, 2)
