"""The bytes of revocations: a record for each, with a MAC, and a MAC over all of an environment together."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable, Mapping

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.domain.ids import EnvironmentId
from sealring.domain.revocation import Reach, Revocation, Target
from sealring.domain.wire import MalformedBytes, Reader, lp16, lp32
from sealring.errors import IntegrityFailure

SEAL = b""  # the field with the MAC over all: a removed revocation is noticed, and so is a missing list

_FORMAT = 1
_HEAD = struct.Struct(">BQQQ")  # format, issued before, expires, made

Fields = Mapping[bytes, bytes]  # records by the digest of their target


class RevocationCodec:
    """Encodes and decodes all of an environment. Decoding raises IntegrityFailure for what we did not write there."""

    def __init__(self, keys: StoreKeys) -> None:
        self._keys = keys

    def encode(self, environment: EnvironmentId, revocations: Iterable[Revocation]) -> dict[bytes, bytes]:
        """Return the records, and the seal over them."""
        records = {self._place(environment, each.target): each for each in revocations}
        fields = {place: self._record(environment, place, each) for place, each in records.items()}
        return {**fields, SEAL: self._seal(environment, fields)}

    def decode(self, environment: EnvironmentId, fields: Fields) -> tuple[Revocation, ...]:
        """Return the revocations, in no particular order."""
        if not fields:
            raise IntegrityFailure("no list of revocations")
        records = {place: raw for place, raw in fields.items() if place != SEAL}
        found = tuple(self._revocation(environment, place, raw) for place, raw in records.items())
        if not hmac.compare_digest(fields.get(SEAL, b""), self._seal(environment, records)):
            raise IntegrityFailure("the revocations are not all of them")
        return found

    def _place(self, environment: EnvironmentId, target: Target) -> bytes:
        return self._keys.locator(b"revocation", lp16(environment.encode()) + _encode_target(target))

    def _record(self, environment: EnvironmentId, place: bytes, revocation: Revocation) -> bytes:
        head = _HEAD.pack(_FORMAT, revocation.issued_before, revocation.expires_at, revocation.made_at)
        body = head + _encode_target(revocation.target)
        return body + self._mac(environment, place, body)

    def _revocation(self, environment: EnvironmentId, place: bytes, raw: bytes) -> Revocation:
        body, mac = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
        if not hmac.compare_digest(mac, self._mac(environment, place, body)):
            raise IntegrityFailure("the MAC of a revocation")
        try:
            return _decode(Reader(body))
        except ValueError as error:  # MalformedBytes, an unknown reach, bad UTF-8
            raise IntegrityFailure("the record of a revocation") from error

    def _mac(self, environment: EnvironmentId, place: bytes, body: bytes) -> bytes:
        return self._keys.record(b"revocation" + lp16(environment.encode()) + lp32(place) + body)

    def _seal(self, environment: EnvironmentId, records: Fields) -> bytes:
        parts = [lp32(part) for field in sorted(records.items()) for part in field]
        return self._keys.record(b"all revocations" + lp16(environment.encode()) + b"".join(parts))


def _encode_target(target: Target) -> bytes:
    return bytes((target.reach,)) + lp16(target.issuer.encode()) + lp16(target.of.encode())


def _decode(reader: Reader) -> Revocation:
    form, issued_before, expires_at, made_at = _HEAD.unpack(reader.take(_HEAD.size))
    if form != _FORMAT:
        raise MalformedBytes("a format that this version does not know")
    reach = Reach(reader.number(1))
    target = Target(reader.lp16().decode(), reach, reader.lp16().decode())
    reader.finish()
    return Revocation(target, issued_before, expires_at, made_at)
