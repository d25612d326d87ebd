"""What is made, changed or removed while a partition is read is in its backup as of one moment, with its keys."""

import itertools

import pytest

from backup.chain import CHAIN, ME, Chain, final, times
from backup.writers import Meddling
from sealring.domain.ids import ObjectId, uuid_text
from sealring.services.objects import ObjectLimits
from sealring.store.backup import key_reader
from sealring.store.backup.entries import BoundKekEntry, KeyEntry, ObjectEntry
from sealring.store.backup.partition_reader import PartitionReader
from sealring.store.schema.keyspace import Kind
from sealring.store.tombs import RedisTombs
from support.make import ACME, context, services


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


def test_what_is_created_meanwhile_is_seen_with_its_keys(opened, chain, reading):
    """Each object has a context of its own, and so a KEK of its own."""
    names = itertools.count()

    def create():
        number = str(next(names))
        opened.use.objects.create(ME, name=f"new {number}", value="v", context=context(organization_id=ACME, n=number))

    held = final(reading(times(50, create)).entries())

    records = [
        opened.parts.records.decode_object(ObjectId(raw_id), each.record)
        for (kind, raw_id), each in held.items()
        if kind is Kind.OBJECT
    ]
    keks = {rest for kind, rest in held if kind is Kind.KEK}
    scopes = {each.value for (kind, _), each in held.items() if kind is Kind.KEK_SCOPE}
    assert len(records) > CHAIN + 20
    assert {record.current.key_id for record in records} == keks
    assert keks == scopes


def test_a_binding_that_is_made_meanwhile_is_seen_with_its_key(installed, opened, chain, reading):
    made = []

    entries = list(reading(times(1, lambda: made.append(installed.bind(opened.use, ACME, "key_one")))).entries())

    (binding,) = made
    held = final(entries)
    ((_, bindings),) = [(key, each) for key, each in held.items() if key[0] is Kind.BINDINGS]
    records = dict(zip(bindings.parts[::2], bindings.parts[1::2], strict=True))
    assert opened.parts.records.decode_binding(binding.id, records[binding.id]) == binding
    assert len(records) == 2  # the other one is the seal of all of them
    assert opened.parts.records.decode_kek(binding.id, held[Kind.KEK, binding.id].record).versions == (binding.kek,)


def test_the_key_of_a_binding_that_goes_between_the_scan_and_the_read_is_gone_from_the_data(
    installed, opened, chain, reading
):
    """And from nothing else: the file of key records says nothing of customers' keys."""
    doomed = installed.bind(opened.use, ACME, "key_doomed", activate=False)

    class MeddlingAtTheScan(Meddling):
        def snapshot(self, *commands):
            return self._link.snapshot(*commands)

        def scan(self, match):
            for name in list(self._link.scan(match)):
                if name.endswith(doomed.id):
                    self._meddle()
                yield name

    entries = list(
        reading(times(1, lambda: opened.use.bindings.delete(ME, uuid_text(doomed.id))), MeddlingAtTheScan).entries()
    )

    assert {each for each in entries if isinstance(each, KeyEntry | BoundKekEntry) and doomed.id in each.key} == {
        BoundKekEntry(doomed.id, b"")
    }


def test_what_is_purged_without_an_event_is_gone(opened, chain, reading):
    """As in a store that is full: between its record and its versions, the object goes."""
    first = chain.objects[0]
    chain.advance()
    space = opened.parts.keyspace
    gone = (b"UNLINK", space.object(first.id), space.versions(first.id), space.summaries(first.id))

    class MeddlingAtTheVersions(Meddling):
        def snapshot(self, *commands):
            if commands[0][:2] == (b"HGET", space.versions(first.id)):
                opened.links.call(gone)
            return super().snapshot(*commands)

    reader = reading(lambda: None, MeddlingAtTheVersions)
    held = final(reader.entries())

    assert held[Kind.OBJECT, first.id.raw].record == b""
    assert reader.tally.counts.objects == CHAIN - 1


def test_what_is_gone_meanwhile_is_gone(opened, chain, reading):
    first = chain.objects[0]
    parts = opened.parts
    tombs = RedisTombs(opened.links, parts.keyspace, parts.markers, parts.records, opened.store.audit)

    def purge():
        at_once = services(opened.store, limits=ObjectLimits(retention_s=0))
        at_once.objects.delete(ME, str(first.id), version_check=None)
        assert tombs.purge(first.id)

    reader = reading(times(1, purge))
    held = final(reader.entries())

    assert held.get((Kind.OBJECT, first.id.raw), ObjectEntry(b"", b"", ())).record == b""
    assert reader.tally.counts.objects == CHAIN - 1
