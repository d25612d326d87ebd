"""The older versions of objects in Redis or Valkey: a hash by version id, and a list of summaries, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.domain.ids import ObjectId
from sealring.domain.record import ObjectRecord, Version, VersionSummary
from sealring.errors import IntegrityFailure
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records


class RedisHistory:
    """Thread-safe. The object's record decides how many versions there are, and which is the oldest."""

    def __init__(self, keyspace: Keyspace, records: Records) -> None:
        self._keyspace = keyspace
        self._records = records

    def ends(self, object_id: ObjectId) -> Sequence[Command]:
        """Return the commands for the replies that `check_newest` and `leaving` take."""
        summaries = self._keyspace.summaries(object_id)
        return (b"LINDEX", summaries, 0), (b"LINDEX", summaries, -1)

    def all(self, object_id: ObjectId) -> Command:
        """Return the command for the reply that `summaries` takes."""
        return (b"LRANGE", self._keyspace.summaries(object_id), 0, -1)

    def one(self, object_id: ObjectId, version_id: bytes) -> Command:
        """Return the command for the reply that `decoded` takes."""
        return (b"HGET", self._keyspace.versions(object_id), version_id)

    def check_newest(self, record: ObjectRecord, newest: Reply) -> None:
        """Raises IntegrityFailure if the record was set back to an earlier version."""
        number = 0 if newest is None else self._records.decode_summary(record.id, newest).number
        if number != next(iter(record.older), 0):
            raise IntegrityFailure("rolled back")

    def check_missing(self, object_id: ObjectId, version_id: bytes, raw: Reply, members: Reply) -> None:
        """Raises IntegrityFailure if a version is missing although its summary exists."""
        if raw is None and version_id in {self._records.decode_summary(object_id, each).id for each in members}:
            raise IntegrityFailure("a missing version")

    def summaries(self, record: ObjectRecord, members: Reply) -> Sequence[VersionSummary]:
        """Return the summaries of a record's older versions. Raises IntegrityFailure if one is missing."""
        older = [self._records.decode_summary(record.id, member) for member in members]
        if [each.number for each in older] != list(record.older):
            raise IntegrityFailure("a gap in the versions")
        return older

    def decoded(self, record: ObjectRecord, version_id: bytes, raw: Reply) -> Version | None:
        return None if raw is None else self._records.decode_version(record, version_id, raw)

    def leaving(
        self, link: Link, current: ObjectRecord, record: ObjectRecord, oldest: Reply
    ) -> Sequence[VersionSummary]:
        """Return the versions that the replacement of `current` by `record` drops: those that are not kept.

        Usually that is the oldest; more than one, after the maximum was lowered, cost one more round trip.
        """
        if record.oldest <= current.oldest:
            return ()
        replaced = [self._records.summarize(current.current)] if not record.older else []
        if not current.older:
            return replaced
        kept = max(len(record.older) - 1, 0)
        members = [oldest]
        if len(current.older) - kept != 1:
            (members,) = link.send((b"LRANGE", self._keyspace.summaries(record.id), kept, -1))
        dropped = [self._records.decode_summary(record.id, member) for member in members]
        if [each.number for each in dropped] != list(current.older[kept:]):
            raise IntegrityFailure("a gap in the versions")
        return [*replaced, *dropped]

    def writes(
        self, current: ObjectRecord, record: ObjectRecord, leaving: Sequence[VersionSummary]
    ) -> Sequence[Command]:
        """Return the commands that make `current`'s current version an older one, and drop those that are `leaving`."""
        old = current.current
        if record.current.id == old.id:
            return ()
        versions, summaries = self._keyspace.versions(record.id), self._keyspace.summaries(record.id)
        kept = len(record.older)
        if kept == 0:
            return ((b"UNLINK", versions, summaries),)
        summary = self._records.encode_summary(record.id, self._records.summarize(old))
        writes: list[Command] = [
            (b"HSET", versions, old.id, self._records.encode_version(current, old)),
            (b"LPUSH", summaries, summary),
        ]
        if leaving:
            writes += [(b"LTRIM", summaries, 0, kept - 1), *((b"HDEL", versions, each.id) for each in leaving)]
        return writes
