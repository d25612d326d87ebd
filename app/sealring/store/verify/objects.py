"""Checks of objects: their records, their older versions, and the keys that must point to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from sealring.domain.context import KeyContext
from sealring.domain.envelope import Envelope
from sealring.domain.ids import ObjectId
from sealring.domain.record import ObjectRecord, Version, VersionSummary
from sealring.errors import IntegrityFailure, KeyFailure
from sealring.store.batches import in_batches
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.opened import OpenedStore
from sealring.store.schema.scores import parse_score
from sealring.store.schema.short_forms import encode_org
from sealring.store.verify.keks import KekSweep

Open = Callable[[Envelope, KeyContext], object]  # raises IntegrityFailure; KeyFailure

_VERSIONS_AT_ONCE = 16
_LOOKS = 10  # attempts for an object that is being written
_MOVED_ON = "it was being written"
_HEAD_BYTES = 64  # of a record: the time of its last write is there
_COMMANDS = 7  # of _surroundings


@dataclass(slots=True)
class Seen:
    """What was read of an object. `record` is None if it is gone or cannot be read."""

    id: ObjectId
    gone: bool = False
    raw: bytes = field(default=b"", repr=False)
    record: ObjectRecord | None = None
    versions: list[bytes] = field(default_factory=list)  # ids of the older ones that exist
    summaries: dict[bytes, VersionSummary] = field(default_factory=dict)  # by version id
    wrong: list[str] = field(default_factory=list)


class ObjectSweep:
    """Checks objects of one partition, a few at a time. Raises LinkLost; Elsewhere; StoreError."""

    def __init__(self, link: Link, store: OpenedStore, keks: KekSweep, open_envelope: Open) -> None:
        self._link = link
        self._store = store
        self._keks = keks
        self._open = open_envelope

    def look(self, ids: Sequence[ObjectId]) -> list[Seen]:
        """Check each; one that seems wrong twice, since it may just have been written."""
        return [self._again(each) if each.wrong else each for each in self._look(ids)]

    def _again(self, seen: Seen) -> Seen:
        for _ in range(_LOOKS):
            (seen,) = self._look([seen.id])
            if _MOVED_ON not in seen.wrong:
                return seen
        seen.wrong = []  # it is written all the time: unknown
        return seen

    def _look(self, ids: Sequence[ObjectId]) -> list[Seen]:
        raws = self._link.snapshot(*((b"GET", self._store.keyspace.object(each)) for each in ids))
        seen = [self._decoded(each, raw) for each, raw in zip(ids, raws, strict=True)]
        self._see_damaged([each for each in seen if each.wrong])
        self._see_surroundings(seen)
        self._see_directory(seen)
        self._see_current(seen)
        self._see_versions(seen)
        return seen

    def _decoded(self, object_id: ObjectId, raw: Reply) -> Seen:
        if raw is None:
            return Seen(object_id, gone=True)
        if isinstance(raw, Exception):
            return Seen(object_id, wrong=["its record is of another type"])
        try:
            record = self._store.records.decode_object(object_id, raw)
        except IntegrityFailure:
            return Seen(object_id, wrong=["its record was altered"])
        return Seen(object_id, raw=raw, record=record)

    def _see_damaged(self, seen: Sequence[Seen]) -> None:
        """Read at least which older versions exist, for the counts."""
        for each in seen:
            (versions,) = self._link.snapshot((b"HKEYS", self._store.keyspace.versions(each.id)))
            each.versions = [] if isinstance(versions, Exception) else versions

    def _see_surroundings(self, seen: Sequence[Seen]) -> None:
        whole = [(each, each.record) for each in seen if each.record is not None]
        if not whole:
            return
        replies = self._link.snapshot(*(command for _, record in whole for command in self._surroundings(record)))
        for number, (each, record) in enumerate(whole):
            head, *around = replies[number * _COMMANDS : (number + 1) * _COMMANDS]
            each.wrong += self._surrounded(each, record, around) if head == each.raw[:_HEAD_BYTES] else [_MOVED_ON]

    def _surroundings(self, record: ObjectRecord) -> Sequence[Command]:
        """Return _COMMANDS commands; the first reads the record's head, to notice a change since."""
        keyspace = self._store.keyspace
        return (
            (b"GETRANGE", keyspace.object(record.id), 0, _HEAD_BYTES - 1),
            (b"LRANGE", keyspace.summaries(record.id), 0, -1),
            (b"HKEYS", keyspace.versions(record.id)),
            (b"GET", keyspace.name(record.environment, record.org, record.name)),
            (b"ZSCORE", keyspace.tombstones(record.id.partition), record.id.raw),
            *self._store.index.scores(record),
        )

    def _surrounded(self, seen: Seen, record: ObjectRecord, around: Sequence[Reply]) -> Iterator[str]:
        summaries, versions, name, tombstone, org_score, environment_score = around
        yield from self._history(seen, record, summaries, versions)
        if not record.live:
            if time_of(tombstone) != record.purge_at:
                yield "it is not in the list of deleted objects, or with another time"
            return
        if name != record.id.raw:
            yield "its name does not point to it"
        if time_of(org_score) != record.updated_at:
            yield "the index of its organization lacks it"
        if time_of(environment_score) != record.updated_at:
            yield "the index of its environment lacks it"

    def _history(self, seen: Seen, record: ObjectRecord, summaries: Reply, versions: Reply) -> Iterator[str]:
        """Check the older versions: a summary and a sealed value for each number below the current one."""
        if isinstance(summaries, Exception) or isinstance(versions, Exception):
            yield "its older versions are of another type"
            return
        seen.versions = versions
        try:
            older = [self._store.records.decode_summary(record.id, raw) for raw in summaries]
        except IntegrityFailure:
            yield "a summary of its older versions was altered"
            return
        seen.summaries = {each.id: each for each in older}
        if [each.number for each in older] != list(record.older):
            yield "its older versions have a gap"
        if set(seen.summaries) != set(versions):
            yield "its older versions and their summaries do not match"

    def _see_directory(self, seen: Sequence[Seen]) -> None:
        """The directory entry is written before the object, and never removed."""
        live = [(each, each.record) for each in seen if each.record is not None and each.record.live]
        if not live:
            return
        directory = self._store.keyspace.directory
        asked = [(b"HEXISTS", directory(record.environment, record.name), encode_org(record.org)) for _, record in live]
        for (each, _), listed in zip(live, self._answers(asked), strict=True):
            if listed != 1:
                each.wrong.append("the directory of names lacks its organization")

    def _answers(self, commands: Sequence[Command]) -> Sequence[Reply]:
        """Return the reply to each, in any partition; None if a key is of another type."""
        try:
            return self._store.links.call(*commands)
        except IntegrityFailure:
            return [None] if len(commands) == 1 else [reply for each in commands for reply in self._answers([each])]

    def _see_current(self, seen: Sequence[Seen]) -> None:
        self._see_envelopes([(each, each.record.current) for each in seen if each.record is not None])

    def _see_versions(self, seen: Sequence[Seen]) -> None:
        places = [(each, version_id) for each in seen if each.record is not None for version_id in each.versions]
        for batch in in_batches(places, _VERSIONS_AT_ONCE):
            raws = self._link.snapshot(
                *((b"HGET", self._store.keyspace.versions(each.id), version_id) for each, version_id in batch)
            )
            versions = [
                (each, version)
                for (each, version_id), raw in zip(batch, raws, strict=True)
                if (version := self._older(each, version_id, raw)) is not None
            ]
            self._see_envelopes(versions)

    def _older(self, seen: Seen, version_id: bytes, raw: Reply) -> Version | None:
        assert seen.record is not None
        if not isinstance(raw, bytes):  # it existed a moment ago: a newer version replaced it
            seen.wrong.append(_MOVED_ON)
            return None
        try:
            version = self._store.records.decode_version(seen.record, version_id, raw)
        except IntegrityFailure:
            seen.wrong.append("an older version was altered")
            return None
        if seen.summaries.get(version_id) not in (None, self._store.records.summarize(version)):
            seen.wrong.append("an older version is not the one of its summary")
        return version

    def _see_envelopes(self, versions: Sequence[tuple[Seen, Version]]) -> None:
        wraps = [(each.envelope.header, wrap) for _, each in versions for wrap in each.envelope.wraps]
        lacking = self._keks.lacking(wraps)
        for seen, version in versions:
            if version.envelope.header in lacking:
                seen.wrong.append("the KEK of one of its versions is missing, or another one")
            elif (failure := self._failure(seen, version)) is not None:
                seen.wrong.append(f"one of its versions does not open ({failure})")

    def _failure(self, seen: Seen, version: Version) -> str | None:
        assert seen.record is not None
        try:
            self._open(version.envelope, seen.record.context)
        except (IntegrityFailure, KeyFailure) as failure:
            return type(failure).__name__
        return None


def time_of(score: Reply) -> int | None:
    """Return the time from a member's score; None if it has no score, or if that is not a time."""
    with suppress(IntegrityFailure):
        return parse_score(score) if isinstance(score, bytes) else None
    return None
