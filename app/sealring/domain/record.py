"""Stored objects: the records of the system of record, around their envelopes."""

from __future__ import annotations

import os
from dataclasses import field, replace
from enum import IntEnum

from sealring.domain.context import KeyContext
from sealring.domain.envelope import Envelope
from sealring.domain.ids import EnvironmentId, ObjectId, OrgId
from sealring.domain.values import value

MAX_NAME_CHARACTERS = 200


class State(IntEnum):
    LIVE = 1
    DELETED = 2


@value
class Author:
    id: str
    name: str


@value
class Version:
    """One value of an object. Immutable except for the wraps in its envelope."""

    number: int  # 1, 2, 3 without a gap
    created_at: int  # microseconds since 1970, by the store's clock
    author: Author
    envelope: Envelope

    @property
    def id(self) -> bytes:
        return self.envelope.header.version_id

    @property
    def size(self) -> int:
        """The size of the stored ciphertext in bytes."""
        return len(self.envelope.ciphertext)

    @property
    def key_id(self) -> bytes:
        """The id of the (first) KEK."""
        return self.envelope.wraps[0].kek_id


@value
class VersionSummary:
    """A row of the list of versions."""

    id: bytes  # 16 bytes
    number: int
    created_at: int  # microseconds
    size: int  # bytes
    etag: bytes  # 16 bytes


@value
class ObjectRecord:
    """An object. `revision` changes with every write, the client's version id only with the value."""

    id: ObjectId
    name: str = field(repr=False)
    context: KeyContext = field(repr=False)
    state: State
    created_at: int  # microseconds since 1970, by the store's clock
    updated_at: int  # likewise; grows with each write
    revision: int
    current: Version
    oldest: int = 1  # the number of the oldest version that is kept
    purge_at: int = 0  # microseconds; when a deleted object is purged
    operation: bytes = b""  # 16 bytes; the write that made this record, to recognise it after a lost reply
    recalled: bool = field(default=False, compare=False)  # an earlier attempt of the request made it

    @property
    def older(self) -> range:
        """The numbers of the older versions that are kept, newest first."""
        return range(self.current.number - 1, self.oldest - 1, -1)

    @property
    def environment(self) -> EnvironmentId:
        return self.current.envelope.header.environment

    @property
    def org(self) -> OrgId:
        return self.current.envelope.header.org

    def stamped(self, now: int) -> ObjectRecord:
        """Return the new object as written at `now`. Its operation is its version."""
        made = self.current
        current = Version(made.number, now, made.author, made.envelope)
        return ObjectRecord(
            self.id, self.name, self.context, self.state, now, now, self.revision, current, operation=current.id
        )

    def updated(self, version: Version, oldest: int) -> ObjectRecord:
        """Return the object with a new current version, as written at that version's time."""
        return ObjectRecord(
            self.id,
            self.name,
            self.context,
            self.state,
            self.created_at,
            version.created_at,
            self.revision,
            version,
            oldest,
            self.purge_at,
            self.operation,
        )

    def following(self, current: ObjectRecord) -> ObjectRecord:
        """Return this new state of `current` with the next revision, and the operation that makes it.

        A write of a value has the id of its version, which is random; any other write a random operation of its own.
        """
        operation = os.urandom(16) if self.current.id == current.current.id else self.current.id
        return ObjectRecord(
            self.id,
            self.name,
            self.context,
            self.state,
            self.created_at,
            self.updated_at,
            current.revision + 1,
            self.current,
            self.oldest,
            self.purge_at,
            operation,
        )

    def as_of(self, version: Version, updated_at: int, *, recalled: bool = False) -> ObjectRecord:
        """Return the object as it was in a version, after the write at `updated_at`."""
        return replace(self, current=version, updated_at=updated_at, recalled=recalled)

    def dropped(self, version_id: bytes, created_at: int) -> Version:
        """Return what is still known of a version that is no longer kept: its id and its time."""
        envelope = self.current.envelope
        header = replace(envelope.header, version_id=version_id)
        return replace(self.current, created_at=created_at, envelope=replace(envelope, header=header))

    @property
    def live(self) -> bool:
        return self.state is State.LIVE
