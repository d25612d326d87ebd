"""Restoring a backup into an empty store: its primary data byte for byte, and all that follows from it.

Each file is read twice. The first reading checks that it is complete, and finds the entries that later ones replace.
The second one writes each key only once, so that a command may be retried after a lost reply, or be applied late.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain

from sealring.domain.ids import ObjectId
from sealring.domain.kek import KekScope
from sealring.domain.limits import Use
from sealring.domain.record import ObjectRecord
from sealring.errors import BackupRefused, IntegrityFailure
from sealring.store.backup.bulk import BulkWriter
from sealring.store.backup.claim import Claim
from sealring.store.backup.entries import (
    LAST_USED,
    BindingsEntry,
    BoundKekEntry,
    EndEntry,
    Entry,
    EventEntry,
    KeyEntry,
    KeyringEntry,
    KeyringUsesEntry,
    ObjectEntry,
    PartitionEntry,
    VersionEntry,
    WholeHash,
)
from sealring.store.backup.tally import Tally
from sealring.store.binding_uses import LAST_USE_FIELD, WHOLE
from sealring.store.bindings import SEAL
from sealring.store.connection.link import Command
from sealring.store.kek_uses import parse_counts, raised
from sealring.store.keyring_log import parse_counts as parse_keyring_counts
from sealring.store.opened import OpenedStore
from sealring.store.schema.counts import Counts
from sealring.store.schema.keyring_codec import HEAD, KeyringCodec
from sealring.store.schema.keyspace import Kind, LocalKey, Owner
from sealring.store.schema.short_forms import encode_org
from sealring.store.usage import storing, use_of

UNSEEN_WRAPS = 1 << 26  # 776 a second for a day: what a KEK may have wrapped, or a DEK encrypted, since the backup


class Survey:
    """The first reading of a file."""

    def __init__(self, entries: Iterable[Entry], partitions: int) -> None:
        """Read the whole file. Raises BackupRefused if its partitions or counts do not match its entries."""
        self.counts = Counts()
        self.replaced: Counter[LocalKey] = Counter()  # how many entries of a key a later one replaces
        self._partitions = iter(range(partitions))
        self._tally = Tally()
        for entry in entries:
            self._note(entry)

    def _note(self, entry: Entry) -> None:
        match entry:
            case PartitionEntry(number):
                self._add(expected=number)
            case EndEntry(counts):
                self._add(expected=None)
                if self.counts != counts:
                    raise _contradiction()
            case ObjectEntry() | KeyEntry() | BindingsEntry() | WholeHash() | BoundKekEntry() if (
                entry.key in self._tally
            ):
                self.replaced[entry.key] += 1
        self._tally.note(entry)

    def _add(self, expected: int | None) -> None:
        """End a partition, and begin the expected one; None: that was the last one."""
        if next(self._partitions, None) != expected:
            raise _contradiction()
        self.counts += self._tally.counts
        self._tally = Tally()


def _contradiction() -> BackupRefused:
    return BackupRefused("the backup does not match its own counts or partitions; make another one")


class Restore:
    """The second reading of a file."""

    def __init__(self, store: OpenedStore, claim: Claim, replaced: Counter[LocalKey]) -> None:
        """`claim` was taken in the store; `replaced` is the Survey's."""
        self._links = store.links
        self._claim = claim
        self._keyspace = store.keyspace
        self._records = store.records
        self._index = store.index
        self._keyrings = KeyringCodec(store.keys)
        self._replaced = Counter(replaced)
        self._stale: set[bytes] = set()  # objects whose latest entry is not the last one
        self._begin(0)

    def write(self, entries: Iterable[Entry]) -> None:
        """Write the entries. Raises StoreError; BackupRefused."""
        for entry in entries:
            match entry:
                case PartitionEntry(number):
                    self._end()
                    self._begin(number)
                case ObjectEntry():
                    self._write_object(entry)
                case VersionEntry(object_id, version_id, record) if object_id not in self._stale:
                    versions = self._keyspace.versions(ObjectId(object_id))
                    self._out.write((b"HSET", versions, version_id, record))
                case KeyEntry() if self._is_last(entry.key) and entry.value:
                    self._out.write(*self._key(entry))
                case WholeHash(_, parts) if self._is_last(entry.key) and parts:
                    self._write_hash(entry)
                case BoundKekEntry() if self._is_last(entry.key) and entry.record:
                    self._out.write(*self._bound_kek(entry))
                case EventEntry(event_id, parts):
                    self._out.append(event_id, parts)
        self._end()

    def _begin(self, partition: int) -> None:
        self._partition = partition
        self._out = BulkWriter(self._links, self._claim, self._keyspace.audit(partition))
        self._uses: defaultdict[Owner, Use] = defaultdict(Use)

    def _end(self) -> None:
        """Store what each organization of the partition uses, and write the rest."""
        for (environment, org), use in self._uses.items():
            self._out.write(*storing(self._keyspace, environment, org, use))
        self._out.flush()

    def _is_last(self, key: LocalKey) -> bool:
        if self._replaced[key] == 0:
            return True
        self._replaced[key] -= 1
        return False

    def _write_object(self, entry: ObjectEntry) -> None:
        if not self._is_last(entry.key):
            self._stale.add(entry.id)
            return
        self._stale.discard(entry.id)
        if not entry.record:
            return
        object_id = ObjectId(entry.id)
        self._out.write((b"SET", self._keyspace.object(object_id), entry.record), *self._summaries(object_id, entry))
        with suppress(IntegrityFailure):  # altered before the backup: nothing refers to it; the sweep reports it
            record = self._records.decode_object(object_id, entry.record)
            self._write_what_follows(record)
            older = [self._records.decode_summary(object_id, each) for each in entry.summaries]
            self._uses[record.environment, record.org] += use_of(record, older)

    def _key(self, entry: KeyEntry) -> Sequence[Command]:
        key = self._keyspace.key(self._partition, entry.kind, entry.rest)
        uses = self._keyspace.key(self._partition, Kind.KEK_USES, entry.rest)
        counts = _raised(entry.uses)
        if entry.kind is Kind.KEK:
            self._count_context(entry)
        return ((b"SET", key, entry.value), *([(b"HSET", uses, *counts)] if counts else ()))

    def _bound_kek(self, entry: BoundKekEntry) -> Sequence[Command]:
        """Return the commands for a binding's KEK. Its counts lack what it has sealed since: they are not WHOLE."""
        key, uses, last = (
            self._keyspace.key(self._partition, kind, entry.id) for kind in (Kind.KEK, Kind.KEK_USES, Kind.LAST_USE)
        )
        fields = dict(zip(entry.uses[::2], entry.uses[1::2], strict=True))
        used = fields.pop(LAST_USED, None)
        fields.pop(WHOLE, None)
        writes: list[Command] = [(b"SET", key, entry.record)]
        if fields:
            writes.append((b"HSET", uses, *chain.from_iterable(fields.items())))
        if used is not None:  # the write may be retried
            writes += [(b"DEL", last), (b"XADD", last, used, LAST_USE_FIELD, b"")]
        return writes

    def _count_context(self, entry: KeyEntry) -> None:
        with suppress(IntegrityFailure):  # altered before the backup
            owner = KekScope.parse_owner(self._records.decode_kek(entry.rest, entry.value).scope)
            self._uses[owner] += Use(contexts=1)

    def _write_hash(self, entry: WholeHash) -> None:
        """Write all of a hash, and what follows from it."""
        counts = isinstance(entry, KeyringUsesEntry)
        parts = _raised_uses(entry.parts) if counts else entry.parts
        self._out.write((b"HSET", self._keyspace.key(self._partition, *entry.key), *parts))
        if isinstance(entry, BindingsEntry):
            self._write_owners(entry)
        if isinstance(entry, KeyringEntry):
            self._out.write((b"ZADD", self._keyspace.keyrings(self._partition), 0, entry.rest))
            self._count_deks(entry)

    def _write_owners(self, entry: BindingsEntry) -> None:
        """Write the owner of each binding under its id."""
        whose = entry.rest.replace(b":", b" ")
        pairs = [part for binding_id in entry.parts[::2] if binding_id != SEAL for part in (binding_id, whose)]
        if pairs:
            self._out.write((b"HSET", self._keyspace.binding_owners(self._partition), *pairs))

    def _count_deks(self, entry: KeyringEntry) -> None:
        fields = dict(zip(entry.parts[::2], entry.parts[1::2], strict=True))
        with suppress(IntegrityFailure):  # altered before the backup
            ring = self._keyrings.decode_head(entry.rest, fields.pop(HEAD, b"")).ring
            self._uses[ring.environment, ring.org] += Use(objects=len(fields))

    def _summaries(self, object_id: ObjectId, entry: ObjectEntry) -> Sequence[Command]:
        key = self._keyspace.summaries(object_id)
        return ((b"DEL", key), (b"RPUSH", key, *entry.summaries)) if entry.summaries else ()

    def _write_what_follows(self, record: ObjectRecord) -> None:
        directory = self._keyspace.directory(record.environment, record.name)
        self._out.write_elsewhere((b"HSET", directory, encode_org(record.org), b""))
        if record.live:
            name = self._keyspace.name(record.environment, record.org, record.name)
            self._out.write((b"SET", name, record.id.raw), *self._index.add(record))
        else:
            tombstones = self._keyspace.tombstones(record.id.partition)
            self._out.write((b"ZADD", tombstones, record.purge_at, record.id.raw))


def _raised(uses: Sequence[bytes]) -> Sequence[bytes | int]:
    """Return the counts of a KEK, raised, because it may have wrapped since the backup. Altered ones stay so."""
    try:
        counts = raised(parse_counts(uses), UNSEEN_WRAPS)
    except IntegrityFailure:
        return uses
    return [part for pair in counts.items() for part in pair]


def _raised_uses(uses: Sequence[bytes]) -> Sequence[bytes | int]:
    """Return the counts of a keyring, raised likewise."""
    try:
        counts = parse_keyring_counts(uses)
    except IntegrityFailure:
        return uses
    return [part for key_id, count in counts.items() for part in (key_id.encode(), count + UNSEEN_WRAPS)]
