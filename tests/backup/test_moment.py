"""What is read of a partition is a state that it was in at one moment, whatever is written to it."""

import itertools
from dataclasses import replace

import pytest

from backup.chain import CHAIN, ME, Chain, final, times
from backup.writers import Meddling, MeddlingAtTheTail, Writers
from sealring.domain.events import Action, Event, Origin
from sealring.errors import BackupRefused, IntegrityFailure
from sealring.store.backup import changes, key_reader, partition_reader
from sealring.store.backup.changes import changed_keys
from sealring.store.backup.entries import EventEntry, VersionEntry
from sealring.store.backup.partition_reader import PartitionReader
from sealring.store.schema.audit_entry import AuditEntry, decode_entry, encode_entry
from sealring.store.schema.keyspace import Kind
from support.make import ACME, ENVIRONMENT, caller, context


@pytest.fixture
def chain(opened):
    return Chain(opened.use)


@pytest.fixture
def reading(opened, chain, monkeypatch):
    """Reads the partition of the chain, one object at a time, while `meddle` is called after each read."""
    monkeypatch.setattr(key_reader, "AT_ONCE", 1)
    partition = chain.objects[0].id.partition
    with opened.links.borrow(opened.parts.keyspace.audit(partition)) as link:
        yield lambda meddle, how=Meddling: PartitionReader(how(link, meddle), opened.parts, partition, lambda _: None)


def numbers(opened, chain, entries):
    """The number of the current version of each object of the chain, as the entries have it in the end."""
    held = final(entries)
    return [
        opened.parts.records.decode_object(each.id, held[Kind.OBJECT, each.id.raw].record).current.number
        for each in chain.objects
    ]


def updates(opened, chain, entries):
    """How many the audit log tells of."""
    partition = chain.objects[0].id.partition
    told = [
        decode_entry(opened.parts.keys, partition, each.parts[1]) for each in entries if isinstance(each, EventEntry)
    ]
    return sum(each.event.action is Action.OBJECT_UPDATED for each in told)


def in_order(versions):
    """Whether none is ahead of the one before it, nor more than a step behind the first."""
    return versions == sorted(versions, reverse=True) and versions[0] - versions[-1] <= 1


def test_a_mere_scan_sees_what_never_was(opened, chain, reading):
    entries = list(reading(times(20, chain.advance)).scanned())

    assert not in_order(numbers(opened, chain, entries))


def test_a_backup_sees_what_was(opened, chain, reading):
    entries = list(reading(times(30, chain.advance)).entries())

    versions = numbers(opened, chain, entries)
    assert in_order(versions)
    assert versions[0] > CHAIN


def test_each_object_is_seen_with_the_versions_that_it_had(opened, chain, reading):
    entries = list(reading(times(30, chain.advance)).entries())

    for number, each in zip(numbers(opened, chain, entries), chain.objects, strict=True):
        last = max(index for index, entry in enumerate(entries) if entry == final(entries)[Kind.OBJECT, each.id.raw])
        record = opened.parts.records.decode_object(each.id, entries[last].record)
        older = [
            opened.parts.records.decode_version(record, entry.id, entry.record).number
            for entry in entries[last:]
            if isinstance(entry, VersionEntry) and entry.object_id == each.id.raw
        ]
        assert sorted(older) == list(range(1, number))


def test_the_audit_log_ends_where_the_objects_do(opened, chain, reading):
    entries = list(reading(times(30, chain.advance)).entries())

    assert updates(opened, chain, entries) == sum(numbers(opened, chain, entries)) - CHAIN


def test_a_partition_in_which_something_else_changes_all_the_time_is_given_up(opened, chain, reading, monkeypatch):
    monkeypatch.setattr(partition_reader, "ROUNDS", 5)
    names = (f"new {number}" for number in itertools.count())

    def create():
        opened.use.objects.create(ME, name=next(names), value="v", context=context())

    with pytest.raises(BackupRefused, match="changes faster than it can be read; back up in a quieter moment"):
        list(reading(create).entries())


def test_the_same_objects_may_change_all_the_time(opened, chain, reading, monkeypatch):
    monkeypatch.setattr(key_reader, "AT_ONCE", 16)

    assert in_order(numbers(opened, chain, list(reading(chain.advance).entries())))


def test_more_changes_than_fit_in_a_moment_are_read_before_it(opened, chain, reading, monkeypatch):
    monkeypatch.setattr(partition_reader, "KEYS_OF_A_MOMENT", CHAIN - 1)

    assert in_order(numbers(opened, chain, list(reading(times(20, chain.advance)).entries())))


def test_larger_changes_than_fit_in_a_moment_are_read_before_it(opened, chain, reading, monkeypatch):
    monkeypatch.setattr(partition_reader, "BYTES_OF_A_MOMENT", 1000)

    assert in_order(numbers(opened, chain, list(reading(times(20, chain.advance)).entries())))


def test_more_events_than_fit_in_a_page_are_all_read(opened, chain, reading, monkeypatch):
    monkeypatch.setattr(partition_reader, "EVENTS_AT_ONCE", 3)

    entries = list(reading(times(20, chain.advance)).entries())

    events = [each.id for each in entries if isinstance(each, EventEntry)]
    assert in_order(numbers(opened, chain, entries))
    assert len(events) == len(set(events)) > 20
    assert updates(opened, chain, entries) == sum(numbers(opened, chain, entries)) - CHAIN


def test_more_events_of_a_moment_than_fit_in_a_page_are_all_read(opened, chain, reading, monkeypatch):
    monkeypatch.setattr(partition_reader, "EVENTS_AT_ONCE", 3)

    entries = list(reading(times(2, chain.advance), MeddlingAtTheTail).entries())

    assert numbers(opened, chain, entries) == [3] * CHAIN
    assert updates(opened, chain, entries) == 2 * CHAIN


def event(action=Action.OBJECT_UPDATED, target=""):
    return Event(action, ENVIRONMENT, ACME, Origin("urn:test", "alice", "request-1"), target)


def entry(opened, partition, old=b"", new=b""):
    """The fields of an entry that was appended there, with some of its bytes replaced before it got its MAC."""
    keys = opened.parts.keys
    body = encode_entry(keys, partition, AuditEntry(event(), bytes(8), 1))[:-16].replace(old, new)
    return b"e", body + keys.audit(partition.to_bytes(2, "big") + body)


def altered(opened, partition):
    name, body = entry(opened, partition)
    return name, body[:-1] + bytes((body[-1] ^ 1,))


ENTRIES = {
    "of a newer version": lambda opened, partition: entry(opened, partition, b"object.updated", b"object.frozen!"),
    "of a change of nothing": entry,
    "altered": altered,
    "of another partition": lambda opened, partition: entry(opened, 1 - partition),
    "of somebody else": lambda _opened, _partition: (b"action", b"vault.object.read"),
    "with a field too many": lambda opened, partition: (*entry(opened, partition), b"f", b""),
}


@pytest.mark.parametrize("fields", ENTRIES.values(), ids=ENTRIES)
def test_an_event_that_may_tell_of_an_unknown_change_ends_the_backup(opened, chain, reading, fields):
    partition = chain.objects[0].id.partition
    stream = opened.parts.keyspace.audit(partition)
    meanwhile = times(1, lambda: opened.links.call((b"XADD", stream, b"*", *fields(opened, partition))))

    with pytest.raises(
        BackupRefused, match=r"was altered, or is not known to this version; update sealring, or run `sealring verify`$"
    ):
        list(reading(meanwhile).entries())


def test_what_was_in_the_audit_log_before_is_backed_up_as_it_is(opened, chain, reading):
    partition = chain.objects[0].id.partition
    opened.links.call((b"XADD", opened.parts.keyspace.audit(partition), b"*", b"e", b"noise"))

    entries = list(reading(lambda: None).entries())

    assert [each.parts for each in entries if isinstance(each, EventEntry)][-1] == (b"e", b"noise")


OF_ENVIRONMENTS = changes.CHANGES_OF_REVOCATIONS | changes.CHANGES_OF_LIMITS


@pytest.mark.parametrize("target", ["", "by name", "secret_00"])
@pytest.mark.parametrize(
    "action", sorted(set(Action) - changes.NO_CHANGES - OF_ENVIRONMENTS - changes.CHANGES_OF_KEYRINGS)
)
def test_a_change_of_what_cannot_be_found_is_refused(action, target):
    with pytest.raises(IntegrityFailure):
        changed_keys(event(action, target), bytes)


@pytest.mark.parametrize("action", sorted(changes.CHANGES_OF_KEYRINGS))
def test_a_change_of_a_keyring_changes_it_and_its_counts(action):
    changed = replace(event(action, "dek_a"), name="org_acme/payments")

    assert changed_keys(changed, lambda ring: ring.ring.name.encode()) == {
        (Kind.KEYRING, b"org_acme/payments"),
        (Kind.KEYRING_USES, b"org_acme/payments"),
    }


def test_of_every_action_it_is_known_what_it_changes():
    known = [
        *(
            *changes.CHANGES_OF_OBJECTS,
            *changes.CHANGES_OF_KEKS,
            *changes.CHANGES_OF_BINDINGS,
            *changes.CHANGES_OF_REVOCATIONS,
            *changes.CHANGES_OF_LIMITS,
            *changes.CHANGES_OF_KEYRINGS,
            *changes.NO_CHANGES,
        )
    ]

    assert sorted(known) == sorted(Action)


# --- with writers of their own, and whole restores


def test_every_restored_state_keeps_what_the_writers_keep(installed, opened):
    orgs = [f"org_{number}" for number in range(4)]
    for org in orgs:
        for name in ("first", *(f"between {number}" for number in range(40)), "second"):
            opened.use.objects.create(caller(org), name=name, value="0", context=context(organization_id=org))

    with Writers(installed, orgs) as writers:
        backups = [installed.back_up(str(number)) for number in range(6)]
    pairs = [pair for files in backups for pair in restored_pairs(installed, files, orgs)]

    assert writers.failures == []
    assert [(first, second) for first, second in pairs if not first - 1 <= second <= first] == []
    assert max(pairs) > (5, 5)


def restored_pairs(installed, files, orgs):
    installed.empty_the_other()
    installed.restore(files)
    assert installed.findings == []
    with installed.opened(installed.there) as store:
        for org in orgs:
            read = store.use.objects.read_by_name
            yield tuple(int(read(caller(org), name, None).value) for name in ("first", "second"))
