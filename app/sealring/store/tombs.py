"""Purging of deleted objects and old audit entries, in Redis or Valkey."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import OBJECT_ID_BYTES, ObjectId
from sealring.domain.limits import Use
from sealring.domain.ports import Lease
from sealring.domain.record import ObjectRecord, VersionSummary
from sealring.errors import IntegrityFailure, StoreFull
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.connection.links import Links
from sealring.store.connection.timing import microseconds
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import PURGE_LEASE, Keyspace
from sealring.store.schema.records import Records
from sealring.store.transaction import Commit, Settled, transact
from sealring.store.usage import moving, use_of


class RedisTombs:
    """The Tombs of production. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers, records: Records, audit: RedisAudit) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._records = records
        self._audit = audit
        self._holder = os.urandom(16)

    @property
    def partitions(self) -> int:
        return self._keyspace.partitions

    def lease(self, seconds: int) -> Lease:
        """Try to take or renew the lease. Raises StoreError; writes nothing to a lost store."""
        self._markers.check_all()
        taking: Command = (b"SET", PURGE_LEASE, self._holder, b"EX", seconds)
        _, strange = self._links.call((*taking, b"NX"), (b"EXPIRE", PURGE_LEASE, seconds, b"LT"))
        if strange:  # it would have lasted longer than that, or forever
            self._links.call(taking)
            return Lease.REPLACED
        (holder,) = self._links.call((b"GET", PURGE_LEASE))
        if holder != self._holder:
            return Lease.ANOTHERS
        self._links.call((b"EXPIRE", PURGE_LEASE, seconds))
        return Lease.OURS

    def due(self, partition: int, after: int) -> Sequence[ObjectId]:
        now = microseconds(self._links.call((b"TIME",))[0])
        tombstones = self._keyspace.tombstones(partition)
        (found,) = self._markers.load(
            partition, (b"ZRANGE", tombstones, b"-inf", now, b"BYSCORE", b"LIMIT", after, 100)
        )
        strange = [raw for raw in found if len(raw) != OBJECT_ID_BYTES or ObjectId(raw).partition != partition]
        if strange:  # sealring did not write them, and the objects that they name cannot be here
            self._links.call((b"ZREM", tombstones, *strange))
        return [ObjectId(raw) for raw in found if raw not in strange]

    def purge(self, object_id: ObjectId) -> bool:
        object_key = self._keyspace.object(object_id)
        try:
            return transact(self._links, object_key, lambda link, _lost: self._attempt(link, object_id))
        except StoreFull:
            return self._purge_outside_multi(object_id)

    def trim_audit(self, partition: int, before_ms: int) -> int:
        (trimmed,) = self._links.call((b"XTRIM", self._keyspace.audit(partition), b"MINID", before_ms))
        return int(trimmed)

    def _attempt(self, link: Link, object_id: ObjectId) -> Commit[bool] | Settled[bool]:
        watched = (b"WATCH", self._keyspace.object(object_id), self._markers.key(object_id.partition))
        record, use, due = self._look(link, object_id, watched)
        if not due:
            return Settled(False)
        if record is None:
            return Commit(self._removals(object_id), True)
        entry, counted = self._audit.entry(_event(record)), self._counted(record, use)
        return Commit((*self._removals(object_id), *counted, entry.command), True, lambda: self._audit.refused(entry))

    def _purge_outside_multi(self, object_id: ObjectId) -> bool:
        """Purge without a transaction: a full store refuses one with any command that may need memory.

        Safe, because an object that is due cannot be restored. Afterwards its organization's counts are moved and its
        event is appended, if there is memory: counts may stay too high.
        """
        with self._links.borrow(self._keyspace.object(object_id)) as link:
            record, use, due = self._look(link, object_id)
            if not due:
                return False
            link.send(*self._removals(object_id))
            if record is not None:
                with suppress(StoreFull):
                    link.send(*self._counted(record, use))
        if record is not None:
            with suppress(StoreFull):
                self._audit.append(_event(record))
        return True

    def _look(self, link: Link, object_id: ObjectId, *before: Command) -> tuple[ObjectRecord | None, Use, bool]:
        """Return the object, what it uses, and whether it is due. A tombstone without an object is due."""
        *_, marker, raw, summaries, now = link.send(
            *before,
            self._markers.reading(object_id.partition),
            (b"GET", self._keyspace.object(object_id)),
            (b"LRANGE", self._keyspace.summaries(object_id), 0, -1),
            (b"TIME",),
        )
        self._markers.check(object_id.partition, marker)
        if raw is None:
            return None, Use(), True
        record = self._records.decode_object(object_id, raw)
        due = not record.live and record.purge_at <= microseconds(now)
        return record, use_of(record, self._older(object_id, summaries)), due

    def _older(self, object_id: ObjectId, summaries: Reply) -> Sequence[VersionSummary]:
        """Return all older versions. None if a summary was altered: that does not keep an object from its purge."""
        with suppress(IntegrityFailure):
            return [self._records.decode_summary(object_id, each) for each in summaries]
        return ()

    def _counted(self, record: ObjectRecord, use: Use) -> Sequence[Command]:
        return moving(self._keyspace, record.environment, record.org, -use)

    def _removals(self, object_id: ObjectId) -> Sequence[Command]:
        """Return the commands: the tombstone goes last, so that an interrupted removal is found again."""
        keys = (
            self._keyspace.versions(object_id),
            self._keyspace.summaries(object_id),
            self._keyspace.object(object_id),
        )
        return (
            (b"UNLINK", *keys),
            (b"ZREM", self._keyspace.tombstones(object_id.partition), object_id.raw),
        )


def _event(record: ObjectRecord) -> Event:
    return Event(
        action=Action.OBJECT_PURGED,
        environment=record.environment,
        org=record.org,
        origin=Origin("sealring", "purge", "purge"),
        target=str(record.id),
        name=record.name,
        context=record.context,
    )
