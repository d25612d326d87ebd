"""The binary form of records, each with a MAC over all its fields and its key."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Iterable
from typing import TypeVar

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.domain.binding import Binding, BindingState, StateSince
from sealring.domain.idempotency import IdempotentOutcome
from sealring.domain.ids import EnvironmentId, Home, ObjectId, OrgId
from sealring.domain.kek import Bound, Kek, KekRecord, KekState
from sealring.domain.owners import owner_bytes
from sealring.domain.record import ObjectRecord, Version, VersionSummary
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
from sealring.store.schema.object_codec import (
    FORMAT,
    Head,
    decode_object,
    decode_version,
    encode_head,
    encode_rest,
    encode_version,
    take_head,
)

T = TypeVar("T")

_FORMAT = 1
_SUMMARY = struct.Struct(">16sIQI16s")  # id, number, created, size, etag
_STATE = struct.Struct(">BB?Q")  # format, state, shut, since
_OUTCOME = struct.Struct(">B?Q16s16s16s16s")  # format, committed, started, operation, fingerprint, object, version
_KEK_VERSION = struct.Struct(">IBQI")  # number, state, created, epoch of the root


class Records:
    """Encodes and decodes records. Decoding raises IntegrityFailure for anything we did not write at that place."""

    def __init__(self, keys: StoreKeys, home: Callable[[EnvironmentId, OrgId], Home]) -> None:
        """`home` is the keyspace's: an object's id must begin with the home of its organization."""
        self._keys = keys
        self._home = home

    def encode_object(self, record: ObjectRecord) -> bytes:
        """Raises ValueError for an envelope that was not sealed for this object: it could never be read again."""
        raw_id, head = record.id.raw, encode_head(record)
        body = b"".join((head, self._keys.record(b"head" + raw_id + head), encode_rest(record)))
        return body + self._keys.record(b"object" + raw_id + body)

    def decode_object(self, object_id: ObjectId, raw: bytes) -> ObjectRecord:
        end = self._authentic(b"object" + object_id.raw, raw)
        try:
            head, at = take_head(raw)
            record = decode_object(object_id, head, raw, at + DIGEST_BYTES, end)
        except (ValueError, LookupError, struct.error) as error:
            raise IntegrityFailure("object record") from error
        self._check_home(object_id, head)
        return record

    def decode_head(self, object_id: ObjectId, raw: bytes) -> Head:
        """Read the head of an object from the first HEAD_BYTES of its record, or more."""
        try:
            head, at = take_head(raw)
        except (ValueError, LookupError, struct.error) as error:
            raise IntegrityFailure("object record") from error
        if not hmac.compare_digest(self._keys.record(b"head" + object_id.raw + raw[:at]), raw[at : at + DIGEST_BYTES]):
            raise IntegrityFailure("record MAC")
        self._check_home(object_id, head)
        return head

    def encode_version(self, record: ObjectRecord, version: Version) -> bytes:
        """Return an older version of `record`. Raises ValueError as `encode_object` does."""
        body = bytes((FORMAT,)) + encode_version(record, version)
        return body + self._keys.record(_version_place(record, version.id) + body)

    def decode_version(self, record: ObjectRecord, version_id: bytes, raw: bytes) -> Version:
        """Read an older version of `record`, of which the version's organization and context are."""
        end = self._authentic(_version_place(record, version_id), raw)
        try:
            _known(raw[0], FORMAT)
            return decode_version(record, version_id, raw, 1, end)
        except (ValueError, LookupError) as error:
            raise IntegrityFailure("version record") from error

    def summarize(self, version: Version) -> VersionSummary:
        etag = self._keys.etag(version.envelope.header.encoded + version.envelope.commitment)
        return VersionSummary(version.id, version.number, version.created_at, version.size, etag)

    def encode_summary(self, object_id: ObjectId, summary: VersionSummary) -> bytes:
        body = _SUMMARY.pack(summary.id, summary.number, summary.created_at, summary.size, summary.etag)
        return body + self._keys.record(b"summary" + object_id.raw + body)

    def decode_summary(self, object_id: ObjectId, raw: bytes) -> VersionSummary:
        end = self._authentic(b"summary" + object_id.raw, raw)
        if end != _SUMMARY.size:
            raise IntegrityFailure("version summary")
        return VersionSummary(*_SUMMARY.unpack_from(raw))

    def encode_kek(self, record: KekRecord) -> bytes:
        head = bytes((_FORMAT,)) + lp16(record.scope) + _encode_bound(record.bound)
        versions = b"".join(map(_encode_kek_version, record.versions))
        body = head + len(record.versions).to_bytes(2, "big") + versions
        return body + self._keys.record(b"kek" + record.kek_id + body)

    def decode_kek(self, kek_id: bytes, raw: bytes) -> KekRecord:
        reader = self._reader(b"kek" + kek_id, raw)

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
        reader = self._reader(b"outcome" + place, raw)

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
        reader = self._reader(b"binding" + binding_id, raw)
        return _strictly(lambda: decode_binding(binding_id, reader), "binding record")

    def seal_bindings(self, environment: EnvironmentId, org: OrgId, bindings: Iterable[Binding]) -> bytes:
        """Return a MAC over all bindings of an organization."""
        records = [lp32(each.id + encode_binding(each)) for each in sorted(bindings, key=lambda each: each.id)]
        return self._keys.record(b"all bindings" + owner_bytes(environment, org) + b"".join(records))

    def encode_state(self, binding_id: bytes, since: StateSince) -> bytes:
        body = _STATE.pack(_FORMAT, since.state, since.shut, since.at)
        return body + self._keys.record(b"binding state" + binding_id + body)

    def decode_state(self, binding_id: bytes, raw: bytes) -> StateSince:
        reader = self._reader(b"binding state" + binding_id, raw)

        def decode() -> StateSince:
            _known(reader.number(1))
            since = StateSince(BindingState(reader.number(1)), reader.flag(), reader.number(8))
            reader.finish()
            return since

        return _strictly(decode, "state of a binding")

    def _authentic(self, place: bytes, raw: bytes) -> int:
        """Return where the MAC begins. Raises IntegrityFailure unless it is ours, of these bytes at this place."""
        end = len(raw) - DIGEST_BYTES
        if end < 0 or not hmac.compare_digest(self._keys.record(place + raw[:end]), raw[end:]):
            raise IntegrityFailure("record MAC")
        return end

    def _reader(self, place: bytes, raw: bytes) -> Reader:
        return Reader(raw[: self._authentic(place, raw)])

    def _check_home(self, object_id: ObjectId, head: Head) -> None:
        """Raises IntegrityFailure for an object of an organization whose objects have other ids."""
        if self._home(head.environment, head.org) != object_id.home:
            raise IntegrityFailure("object record")


def _version_place(record: ObjectRecord, version_id: bytes) -> bytes:
    """What the MAC of an older version covers besides its bytes: all that it shares with the object."""
    header = record.current.envelope.header
    owner = owner_bytes(header.environment, header.org)
    return b"".join((b"version", record.id.raw, version_id, owner, record.context.digest))


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


def _known(form: int, known: int = _FORMAT) -> None:
    if form != known:
        raise MalformedBytes("a format that this version does not know")


def _strictly(decode: Callable[[], T], what: str) -> T:
    try:
        return decode()
    except ValueError as error:  # MalformedBytes, an unknown state, bad UTF-8
        raise IntegrityFailure(what) from error
