"""The binary form of records, each with a MAC over all its fields and its key."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Iterable
from typing import TypeVar

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.domain.binding import Binding
from sealring.domain.codec import encode_envelope, parse_envelope
from sealring.domain.context import KeyContext
from sealring.domain.idempotency import IdempotentOutcome
from sealring.domain.ids import EnvironmentId, Home, ObjectId, OrgId
from sealring.domain.kek import Bound, Kek, KekRecord, KekState
from sealring.domain.ports import Row
from sealring.domain.record import Author, ObjectRecord, State, Version, VersionSummary
from sealring.domain.wire import (
    MalformedBytes,
    Reader,
    decode_pairs,
    decode_texts,
    encode_pairs,
    encode_texts,
    lp8,
    lp16,
    lp32,
)
from sealring.errors import IntegrityFailure
from sealring.store.schema.binding_codec import decode_binding, encode_binding

T = TypeVar("T")

_FORMAT = 1
_OBJECT_HEAD = struct.Struct(">BBQQIIQ16s")  # format, state, created, updated, revision, oldest, purge, operation
_VERSION_HEAD = struct.Struct(">BIQ")  # format, number, created
_SUMMARY = struct.Struct(">16sIQI16s")  # id, number, created, size, etag
_OUTCOME = struct.Struct(">B?Q16s16s16s16s")  # format, committed, started, operation, fingerprint, object, version
_KEK_VERSION = struct.Struct(">IBQI")  # number, state, created, epoch of the root
_SCORE = struct.Struct(">Q")


class Records:
    """Encodes and decodes records. Decoding raises IntegrityFailure for anything we did not write at that place."""

    def __init__(self, keys: StoreKeys, home: Callable[[EnvironmentId, OrgId], Home]) -> None:
        """`home` is the keyspace's: an object's id must begin with the home of its organization."""
        self._keys = keys
        self._home = home

    def encode_object(self, record: ObjectRecord) -> bytes:
        head = _OBJECT_HEAD.pack(
            _FORMAT,
            record.state,
            record.created_at,
            record.updated_at,
            record.revision,
            record.oldest,
            record.purge_at,
            record.operation,
        )
        body = b"".join(
            (head, lp16(record.name.encode()), lp16(record.context.canonical), _encode_version(record.current))
        )
        return body + self._keys.record(b"object" + record.id.raw + body)

    def decode_object(self, object_id: ObjectId, raw: bytes) -> ObjectRecord:
        reader = self._authentic(b"object" + object_id.raw, raw)

        def decode() -> ObjectRecord:
            form, state, created_at, updated_at, revision, oldest, purge_at, operation = _OBJECT_HEAD.unpack(
                reader.take(_OBJECT_HEAD.size)
            )
            _known(form)
            record = ObjectRecord(
                id=object_id,
                name=reader.lp16().decode(),
                context=KeyContext.decode(reader.lp16()),
                state=State(state),
                created_at=created_at,
                updated_at=updated_at,
                revision=revision,
                current=_decode_version(reader),
                oldest=oldest,
                purge_at=purge_at,
                operation=operation,
            )
            reader.finish()
            header = record.current.envelope.header
            if header.object_id != object_id.raw or header.context_hash != record.context.digest:
                raise MalformedBytes("an envelope of another object or context")
            if self._home(header.environment, header.org) != object_id.home:
                raise MalformedBytes("an object of another organization")
            return record

        return _strictly(decode, "object record")

    def encode_version(self, object_id: ObjectId, version: Version) -> bytes:
        body = _encode_version(version)
        return body + self._keys.record(b"version" + object_id.raw + version.id + body)

    def decode_version(self, object_id: ObjectId, version_id: bytes, raw: bytes) -> Version:
        reader = self._authentic(b"version" + object_id.raw + version_id, raw)

        def decode() -> Version:
            version = _decode_version(reader)
            reader.finish()
            header = version.envelope.header
            if (header.object_id, header.version_id) != (object_id.raw, version_id):
                raise MalformedBytes("an envelope of another version")
            return version

        return _strictly(decode, "version record")

    def summarize(self, version: Version) -> VersionSummary:
        etag = self._keys.etag(version.envelope.header.encoded + version.envelope.commitment)
        return VersionSummary(version.id, version.number, version.created_at, version.size, etag)

    def encode_summary(self, object_id: ObjectId, summary: VersionSummary) -> bytes:
        body = _SUMMARY.pack(summary.id, summary.number, summary.created_at, summary.size, summary.etag)
        return body + self._keys.record(b"summary" + object_id.raw + body)

    def decode_summary(self, object_id: ObjectId, raw: bytes) -> VersionSummary:
        reader = self._authentic(b"summary" + object_id.raw, raw)
        return _strictly(lambda: VersionSummary(*_SUMMARY.unpack(_rest(reader))), "version summary")

    def encode_kek(self, record: KekRecord) -> bytes:
        head = bytes((_FORMAT,)) + lp16(record.scope) + _encode_bound(record.bound)
        versions = b"".join(map(_encode_kek_version, record.versions))
        body = head + len(record.versions).to_bytes(2, "big") + versions
        return body + self._keys.record(b"kek" + record.kek_id + body)

    def decode_kek(self, kek_id: bytes, raw: bytes) -> KekRecord:
        reader = self._authentic(b"kek" + kek_id, raw)

        def decode() -> KekRecord:
            _known(reader.number(1))
            scope, bound = reader.lp16(), _decode_bound(reader)
            count = reader.number(2)
            record = KekRecord(tuple(_decode_kek_version(reader, kek_id, scope, bound) for _ in range(count)))
            reader.finish()
            if not record.versions:
                raise MalformedBytes("a KEK without a version")
            return record

        return _strictly(decode, "KEK record")

    def encode_outcome(self, place: bytes, outcome: IdempotentOutcome) -> bytes:
        body = _OUTCOME.pack(
            _FORMAT,
            outcome.committed,
            outcome.started_at,
            outcome.operation,
            outcome.fingerprint,
            outcome.object_id,
            outcome.version_id,
        ) + lp8(outcome.org.encode())
        return body + self._keys.record(b"outcome" + place + body)

    def decode_outcome(self, place: bytes, raw: bytes) -> IdempotentOutcome:
        reader = self._authentic(b"outcome" + place, raw)

        def decode() -> IdempotentOutcome:
            form, committed, started_at, operation, fingerprint, object_id, version_id = _OUTCOME.unpack(
                reader.take(_OUTCOME.size)
            )
            _known(form)
            org = OrgId(reader.lp8().decode("ascii"))
            reader.finish()
            return IdempotentOutcome(committed, started_at, operation, fingerprint, org, object_id, version_id)

        return _strictly(decode, "outcome of a request")

    def encode_binding(self, binding: Binding) -> bytes:
        body = encode_binding(binding)
        return body + self._keys.record(b"binding" + binding.id + body)

    def decode_binding(self, binding_id: bytes, raw: bytes) -> Binding:
        reader = self._authentic(b"binding" + binding_id, raw)
        return _strictly(lambda: decode_binding(binding_id, reader), "binding record")

    def seal_bindings(self, environment: EnvironmentId, org: OrgId, bindings: Iterable[Binding]) -> bytes:
        """Return a MAC over all bindings of an organization."""
        records = [lp32(each.id + encode_binding(each)) for each in sorted(bindings, key=lambda each: each.id)]
        return self._keys.record(b"all bindings" + lp16(environment.encode()) + lp16(org.encode()) + b"".join(records))

    def _authentic(self, place: bytes, raw: bytes) -> Reader:
        body, mac = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
        if not hmac.compare_digest(self._keys.record(place + body), mac):
            raise IntegrityFailure("record MAC")
        return Reader(body)


class IndexMembers:
    """Members of one index: object id, name, and a MAC that binds both to the index and to the score."""

    def __init__(self, keys: StoreKeys, environment: EnvironmentId, org: OrgId | None) -> None:
        owner = b"\x00" if org is None else b"\x01" + lp16(org.encode())
        self._place = lp16(environment.encode()) + owner
        self._keys = keys

    def encode(self, row: Row) -> bytes:
        body = row.id + row.name.encode()
        return body + self._mac(row.updated_at, body)

    def decode(self, updated_at: int, member: bytes) -> Row:
        body, mac = member[:-DIGEST_BYTES], member[-DIGEST_BYTES:]
        if len(body) < 16 or not hmac.compare_digest(self._mac(updated_at, body), mac):
            raise IntegrityFailure("index member")
        return Row(updated_at, body[:16], body[16:].decode())

    def _mac(self, updated_at: int, body: bytes) -> bytes:
        return self._keys.index(self._place + _SCORE.pack(updated_at) + body)


def _encode_version(version: Version) -> bytes:
    return b"".join(
        (
            _VERSION_HEAD.pack(_FORMAT, version.number, version.created_at),
            lp16(version.author.id.encode()),
            lp16(version.author.name.encode()),
            lp32(encode_envelope(version.envelope)),
        )
    )


def _decode_version(reader: Reader) -> Version:
    form, number, created_at = _VERSION_HEAD.unpack(reader.take(_VERSION_HEAD.size))
    _known(form)
    author = Author(reader.lp16().decode(), reader.lp16().decode())
    return Version(number, created_at, author, parse_envelope(reader.lp32()))


def _encode_kek_version(kek: Kek) -> bytes:
    return b"".join(
        (
            _KEK_VERSION.pack(kek.version, kek.state, kek.created_at, kek.root_epoch),
            lp8(kek.root_domain.encode()),
            lp8(kek.provider.encode()),
            lp16(kek.provider_key_id.encode()),
            lp16(kek.material),
        )
    )


def _decode_kek_version(reader: Reader, kek_id: bytes, scope: bytes, bound: Bound | None) -> Kek:
    number, state, created_at, root_epoch = _KEK_VERSION.unpack(reader.take(_KEK_VERSION.size))
    root_domain, provider = reader.lp8().decode(), reader.lp8().decode()
    provider_key_id, material = reader.lp16().decode(), reader.lp16()
    return Kek(
        kek_id=kek_id,
        version=number,
        provider=provider,
        provider_key_id=provider_key_id,
        scope=scope,
        material=material,
        bound=bound,
        root_domain=root_domain,
        root_epoch=root_epoch,
        state=KekState(state),
        created_at=created_at,
    )


def _encode_bound(bound: Bound | None) -> bytes:
    if bound is None:
        return b"\x00"
    return b"\x01" + encode_pairs(bound.options) + encode_texts(bound.show)


def _decode_bound(reader: Reader) -> Bound | None:
    return Bound(decode_pairs(reader), decode_texts(reader)) if reader.flag() else None


def _known(form: int) -> None:
    if form != _FORMAT:
        raise MalformedBytes("a format that this version does not know")


def _rest(reader: Reader) -> bytes:
    body = reader.take(_SUMMARY.size)
    reader.finish()
    return body


def _strictly(decode: Callable[[], T], what: str) -> T:
    try:
        return decode()
    except ValueError as error:  # MalformedBytes, an unknown state, bad UTF-8
        raise IntegrityFailure(what) from error
