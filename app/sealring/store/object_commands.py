"""The commands that write an object: its record, and the keys that refer to it."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.domain.record import ObjectRecord
from sealring.store.connection.link import Command
from sealring.store.index import RedisIndex
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records


class ObjectCommands:
    """Builds commands, and sends none. Thread-safe."""

    def __init__(self, keyspace: Keyspace, records: Records, index: RedisIndex) -> None:
        self._keyspace = keyspace
        self._records = records
        self._index = index

    def create(self, record: ObjectRecord, name_key: bytes) -> Sequence[Command]:
        return (self._set(record), (b"SET", name_key, record.id.raw), *self._index.add(record))

    def replace(self, current: ObjectRecord, record: ObjectRecord) -> Sequence[Command]:
        """Return the commands that turn `current` into `record`, with name, indexes and tombstone."""
        writes: list[Command] = [self._set(record)]
        if record.live:
            writes += self._index.add(record)
        elif current.live:
            writes += self._index.remove(current)
        tombstones = self._keyspace.tombstones(record.id.partition)
        if current.live and not record.live:
            writes.append((b"DEL", self.name_key(current)))
            writes.append((b"ZADD", tombstones, record.purge_at, record.id.raw))
        if record.live and not current.live:
            writes.append((b"SET", self.name_key(record), record.id.raw))
            writes.append((b"ZREM", tombstones, record.id.raw))
        return writes

    def name_key(self, record: ObjectRecord) -> bytes:
        return self._keyspace.name(record.environment, record.org, record.name)

    def _set(self, record: ObjectRecord) -> Command:
        return (b"SET", self._keyspace.object(record.id), self._records.encode_object(record))
