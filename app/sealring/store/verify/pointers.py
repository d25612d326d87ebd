"""Checks of keys that point to objects: names, members of indexes, tombstones, older versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sealring.domain.clock import now_us
from sealring.domain.ids import OBJECT_ID_BYTES, ObjectId
from sealring.domain.record import ObjectRecord
from sealring.errors import IntegrityFailure
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyspace import Kind
from sealring.store.verify.objects import Seen, time_of


class _Live(NamedTuple):
    """What points to a live object: its name, and two indexes with the time of its last write."""

    updated_at: int
    name: bytes  # the key
    indexes: tuple[bytes, bytes]  # their keys

    def is_listed(self, index: bytes, updated_at: int | None) -> bool:
        """Whether that index has to list it, at that time."""
        return index in self.indexes and updated_at == self.updated_at


class PointerSweep:
    """Collects a partition's objects and the keys that point to them, and then checks each pointer.

    A wrong one is checked again together with its object, since both may just have been written. Raises LinkLost;
    Elsewhere; StoreError.
    """

    def __init__(self, link: Link, store: OpenedStore, partition: int) -> None:
        self._link = link
        self._store = store
        self._partition = partition
        self._live: dict[bytes, _Live] = {}  # by id
        self._deleted: set[bytes] = set()
        self._damaged: set[bytes] = set()
        self._names: dict[bytes, bytes] = {}  # by key: the id that it holds
        self._indexes: set[bytes] = set()  # their keys
        self._histories: set[bytes] = set()  # ids of objects

    def knows(self, raw_id: bytes) -> bool:
        """Whether the object was added."""
        return raw_id in self._live or raw_id in self._deleted or raw_id in self._damaged

    def add_object(self, seen: Seen) -> None:
        record = seen.record
        if record is None:
            if not seen.gone:
                self._damaged.add(seen.id.raw)
        elif record.live:
            self._live[record.id.raw] = self._of_live(record)
        else:
            self._deleted.add(record.id.raw)

    def add_names(self, rests: Sequence[bytes]) -> None:
        keys = [self._key(Kind.NAME, rest) for rest in rests]
        ids = self._link.snapshot(*((b"GET", key) for key in keys))
        self._names |= {key: _bytes(raw_id) for key, raw_id in zip(keys, ids, strict=True) if raw_id is not None}

    def add_histories(self, raw_ids: Sequence[bytes]) -> None:
        self._histories.update(raw_ids)

    def add_indexes(self, kind: Kind, rests: Sequence[bytes]) -> None:
        self._indexes |= {self._key(kind, rest) for rest in rests}

    def findings(self) -> Iterator[str]:
        for key, raw_id in self._names.items():
            yield from self._name(key, raw_id)
        for key in self._indexes:
            yield from self._index(key)
        yield from self._tombstones(self._store.keyspace.tombstones(self._partition))
        for raw_id in self._histories:
            yield from self._history(raw_id)

    def _name(self, key: bytes, raw_id: bytes) -> Iterator[str]:
        known = self._live.get(raw_id)
        if raw_id in self._damaged or (known is not None and known.name == key):
            return
        holds, record = self._with_object(raw_id, (b"GET", key))
        leads_to_it = record is not None and record.live and self._name_key(record) == key
        if holds is None or _bytes(holds) != raw_id or leads_to_it:
            return
        if len(raw_id) == 16:
            yield f"{ObjectId(raw_id)}: a name that is not its own points to it"
        else:
            yield f"partition {self._partition}: a name points to no object"

    def _index(self, key: bytes) -> Iterator[str]:
        try:
            for raw_id, score in self._link.members(key):
                yield from self._member(key, raw_id, time_of(score))
        except IntegrityFailure:
            yield f"partition {self._partition}: an index is of another type"

    def _member(self, key: bytes, raw_id: bytes, updated_at: int | None) -> Iterator[str]:
        known = self._live.get(raw_id)
        if raw_id in self._damaged or (known is not None and known.is_listed(key, updated_at)):
            return
        score, record = self._with_object(raw_id, (b"ZSCORE", key, raw_id))
        now = self._of_live(record) if record is not None and record.live else None
        if isinstance(score, bytes) and not (now is not None and now.is_listed(key, time_of(score))):
            if len(raw_id) == OBJECT_ID_BYTES:
                yield f"{ObjectId(raw_id)}: an index lists it in a state that it does not have"
            else:
                yield f"partition {self._partition}: an index lists what is no object"

    def _tombstones(self, key: bytes) -> Iterator[str]:
        try:
            for raw_id, score in self._link.members(key):
                yield from self._tombstone(key, raw_id, time_of(score))
        except IntegrityFailure:
            yield f"partition {self._partition}: the list of deleted objects is of another type"

    def _tombstone(self, key: bytes, raw_id: bytes, purge_at: int | None) -> Iterator[str]:
        if raw_id in self._damaged or raw_id in self._deleted:
            return
        still, record = self._with_object(raw_id, (b"ZSCORE", key, raw_id))
        if record is None and purge_at is not None and purge_at < now_us():
            return  # left by an interrupted purge: the next one removes it
        if isinstance(still, bytes) and (record is None or record.live):
            yield f"{self._called(raw_id)}: it is in the list of deleted objects, but is not deleted"

    def _history(self, raw_id: bytes) -> Iterator[str]:
        if self.knows(raw_id):
            return
        keys = [self._key(kind, raw_id) for kind in (Kind.OBJECT, Kind.VERSIONS, Kind.SUMMARIES)]
        there, *history = self._link.snapshot(*((b"EXISTS", key) for key in keys))
        if not there and any(history):
            yield f"{self._called(raw_id)}: it has older versions, but does not exist itself"

    def _with_object(self, raw_id: bytes, command: Command) -> tuple[Reply, ObjectRecord | None]:
        """Return the reply to `command`, and the object at that moment; None if it does not exist."""
        answer, raw = self._link.snapshot(command, (b"GET", self._key(Kind.OBJECT, raw_id)))
        try:
            return answer, self._store.records.decode_object(ObjectId(raw_id), _bytes(raw))
        except IntegrityFailure:
            return answer, None

    def _of_live(self, record: ObjectRecord) -> _Live:
        return _Live(record.updated_at, self._name_key(record), self._store.index.keys(record))

    def _called(self, raw_id: bytes) -> str:
        return str(ObjectId(raw_id)) if len(raw_id) == 16 else f"partition {self._partition}"

    def _name_key(self, record: ObjectRecord) -> bytes:
        return self._store.keyspace.name(record.environment, record.org, record.name)

    def _key(self, kind: Kind, rest: bytes) -> bytes:
        return self._store.keyspace.key(self._partition, kind, rest)


def _bytes(reply: Reply) -> bytes:
    """Return the string that was read; empty if it does not exist or is of another type."""
    return reply if isinstance(reply, bytes) else b""
