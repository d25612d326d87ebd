"""The bytes of objects and of their older versions, without the MACs, which store/schema/records.py adds.

    object  = head ‖ MAC 16 ‖ rest
    head    = format u8 ‖ state u8 ‖ created u64 ‖ number, updated - created ‖ number, length of the name ‖ name
                ‖ environment 16 ‖ organization
    rest    = number, revision ‖ number, oldest ‖ purge u64 (only of a deleted object)
                ‖ 0x00 (the operation is the version id), or 0x01 ‖ operation 16 ‖ context ‖ version id 16 ‖ version
    older   = format u8 ‖ version
    version = combine u8 ‖ number, number ‖ number, its created - the object's created ‖ author
                ‖ message id 16, its second half ‖ n u8 ‖ n x wrap ‖ commitment 32 ‖ nonce 12 ‖ ciphertext with its tag
    author  = number, length of the id ‖ id ‖ 0x00 (the name is the id), or number, 1 + length of the name ‖ name

The short forms are those of store/schema/short_forms.py. The header of the envelope is not stored: it follows from the
object, and the first half of its message id is the version id. The head has a MAC of its own, so that a list needs no
more than the first HEAD_BYTES of a record.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from sealring.domain.context import KeyContext
from sealring.domain.envelope import COMMITMENT_BYTES, NONCE_BYTES, TAG_BYTES, Combine, Envelope, Header, Suite
from sealring.domain.ids import EnvironmentId, ObjectId, OrgId
from sealring.domain.record import Author, ObjectRecord, State, Version
from sealring.domain.wire import MalformedBytes
from sealring.store.schema.short_forms import (
    ULID_BYTES,
    encode_context,
    encode_environment,
    encode_number,
    encode_org,
    encode_wraps,
    environment_of,
    take_context,
    take_number,
    take_org,
    take_wraps,
)

FORMAT = 2  # format 1 was of versions before 0.1.0
HEAD_BYTES = 1024  # a head with its MAC has at most 919 bytes: 200 characters of a name are up to 800
MAC_BYTES = 16

_HEAD = struct.Struct(">BBQ")  # format, state, created
_TIME = struct.Struct(">Q")
_ID_BYTES = 16
_AS_VERSION, _OWN = b"\0", b"\1"  # the operation
_STATES = {each.value: each for each in State}
_COMBINES = {each.value: each for each in Combine}


class Head(NamedTuple):
    """What a list says of an object, and whose it is."""

    state: State
    created_at: int
    updated_at: int
    name: str
    environment: EnvironmentId
    org: OrgId

    @property
    def live(self) -> bool:
        return self.state is State.LIVE


def encode_head(record: ObjectRecord) -> bytes:
    name = record.name.encode()
    return b"".join(
        (
            _HEAD.pack(FORMAT, record.state, record.created_at),
            encode_number(record.updated_at - record.created_at),
            encode_number(len(name)),
            name,
            encode_environment(record.environment),
            encode_org(record.org),
        )
    )


def take_head(raw: bytes) -> tuple[Head, int]:
    """Return the head, and the offset of its MAC."""
    form, state, created_at = _HEAD.unpack_from(raw)
    if form != FORMAT:
        raise MalformedBytes("a format that this version does not know")
    elapsed, at = take_number(raw, _HEAD.size)
    size, at = take_number(raw, at)
    end = at + size
    org, after = take_org(raw, end + ULID_BYTES)
    environment = environment_of(raw[end : end + ULID_BYTES])
    name = raw[at:end].decode()
    return Head(_STATES[state], created_at, created_at + elapsed, name, environment, org), after


def encode_rest(record: ObjectRecord) -> bytes:
    """Raises ValueError for an envelope that was not sealed for this object: it could never be read again."""
    version = record.current
    own_operation = record.operation != version.id
    return b"".join(
        (
            encode_number(record.revision),
            encode_number(record.oldest),
            b"" if record.live else _TIME.pack(record.purge_at),
            _OWN + record.operation if own_operation else _AS_VERSION,
            encode_context(record.context),
            version.id,
            encode_version(record, version),
        )
    )


def decode_object(object_id: ObjectId, head: Head, raw: bytes, at: int, end: int) -> ObjectRecord:
    """Read the rest of a record from `at`, after the MAC of its head, to `end`. Raises ValueError; LookupError."""
    state, created_at, updated_at, name, environment, org = head
    revision, at = take_number(raw, at)
    oldest, at = take_number(raw, at)
    purge_at = 0
    if state is State.DELETED:
        (purge_at,) = _TIME.unpack_from(raw, at)
        at += _TIME.size
    own_operation = raw[at]
    at += 1
    operation = raw[at : at + _ID_BYTES]
    if own_operation:
        at += _ID_BYTES
    context, at = take_context(raw, at, org)
    version_id = raw[at : at + _ID_BYTES]
    if own_operation > 1 or (own_operation and operation == version_id):
        raise MalformedBytes("an operation that is not in its form")
    place = _Sealed(object_id.raw, environment, context, created_at)
    current = _decode_version(place, version_id, raw, at + _ID_BYTES, end)
    return ObjectRecord(
        object_id,
        name,
        context,
        state,
        created_at,
        updated_at,
        revision,
        current,
        oldest,
        purge_at,
        operation if own_operation else version_id,
    )


def encode_version(record: ObjectRecord, version: Version) -> bytes:
    """`version`: of `record`. Raises ValueError for an envelope that was not sealed for this object."""
    envelope = version.envelope
    header = envelope.header
    _check_sealed_for(record, header)
    return b"".join(
        (
            encode_number(header.combine),
            encode_number(version.number),
            encode_number(version.created_at - record.created_at),
            _encode_author(version.author),
            header.message_id[_ID_BYTES:],
            encode_wraps(envelope.wraps),
            envelope.commitment,
            envelope.nonce,
            envelope.ciphertext,
        )
    )


def decode_version(record: ObjectRecord, version_id: bytes, raw: bytes, at: int, end: int) -> Version:
    """Read an older version of `record` from `at` to `end`. Raises ValueError; LookupError."""
    place = _Sealed(record.id.raw, record.environment, record.context, record.created_at)
    return _decode_version(place, version_id, raw, at, end)


class _Sealed(NamedTuple):
    """What an envelope was sealed for, and the time from which the times of versions count."""

    object_id: bytes
    environment: EnvironmentId
    context: KeyContext
    created_at: int


def _decode_version(place: _Sealed, version_id: bytes, raw: bytes, at: int, end: int) -> Version:
    combine = _COMBINES[raw[at]]
    number, at = take_number(raw, at + 1)
    elapsed, at = take_number(raw, at)
    author, at = _take_author(raw, at)
    message_id = version_id + raw[at : at + _ID_BYTES]
    wraps, at = take_wraps(raw, at + _ID_BYTES, combine)
    nonce_at = at + COMMITMENT_BYTES
    sealed_at = nonce_at + NONCE_BYTES
    if sealed_at + TAG_BYTES > end or len(version_id) != _ID_BYTES:
        raise MalformedBytes("truncated, or a ciphertext without a tag")
    header = Header.of_object(combine, message_id, place.environment, place.object_id, place.context)
    envelope = Envelope(header, wraps, raw[at:nonce_at], raw[nonce_at:sealed_at], raw[sealed_at:end])
    return Version(number, place.created_at + elapsed, author, envelope)


def _check_sealed_for(record: ObjectRecord, header: Header) -> None:
    if (
        header.object_id != record.id.raw
        or header.context_hash != record.context.digest
        or header.org != record.context.organization
        or header.environment != record.environment
        or header.suite is not Suite.OBJECT
        or header.message_id[:_ID_BYTES] != header.version_id
    ):
        raise ValueError("an envelope of another object")


@lru_cache(1024)
def _encode_author(author: Author) -> bytes:
    identity, name = author.id.encode(), author.name.encode()
    named = b"\0" if name == identity else encode_number(len(name) + 1) + name
    return encode_number(len(identity)) + identity + named


def _take_author(raw: bytes, at: int) -> tuple[Author, int]:
    size, first = take_number(raw, at)
    middle = first + size
    size, second = take_number(raw, middle)
    end = second + size - 1 if size else second
    return _author(raw[first:middle], raw[second:end] if size else None), end


@lru_cache(1024)
def _author(identity: bytes, name: bytes | None) -> Author:
    if name == identity:
        raise MalformedBytes("an author that is not in its form")
    return Author(identity.decode(), (identity if name is None else name).decode())
