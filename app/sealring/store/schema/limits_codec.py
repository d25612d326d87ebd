"""The bytes of limits that an operator set: a record for each organization, with a MAC, and a MAC over all together."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Mapping

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.domain.ids import EnvironmentId, OrgId, org_id
from sealring.domain.limits import Override
from sealring.domain.wire import MalformedBytes, Reader, lp16, lp32
from sealring.errors import IntegrityFailure

SEAL = b""  # the field with the MAC over all: a removed record is noticed

_FORMAT = 1
_LIMIT = struct.Struct(">?Q")  # whether it is set, and the limit

Fields = Mapping[bytes, bytes]  # records by organization


class LimitsCodec:
    """Encodes and decodes all of an environment. Decoding raises IntegrityFailure for what we did not write there."""

    def __init__(self, keys: StoreKeys) -> None:
        self._keys = keys

    def encode(self, environment: EnvironmentId, overrides: Mapping[OrgId, Override]) -> dict[bytes, bytes]:
        """Return the records, and the seal over them."""
        fields = {org.encode(): self._record(environment, org, each) for org, each in overrides.items()}
        return {**fields, SEAL: self._seal(environment, fields)}

    def decode(self, environment: EnvironmentId, fields: Fields) -> dict[OrgId, Override]:
        records = {org: raw for org, raw in fields.items() if org != SEAL}
        found = dict(self._override(environment, org, raw) for org, raw in records.items())
        if not hmac.compare_digest(fields.get(SEAL, b""), self._seal(environment, records)):
            raise IntegrityFailure("the limits are not all of them")
        return found

    def _record(self, environment: EnvironmentId, org: OrgId, override: Override) -> bytes:
        each = (override.requests_per_second, override.objects, override.stored_bytes, override.contexts)
        body = bytes((_FORMAT,)) + b"".join(_LIMIT.pack(limit is not None, limit or 0) for limit in each)
        return body + self._mac(environment, org.encode(), body)

    def _override(self, environment: EnvironmentId, raw_org: bytes, raw: bytes) -> tuple[OrgId, Override]:
        body, mac = raw[:-DIGEST_BYTES], raw[-DIGEST_BYTES:]
        if not hmac.compare_digest(mac, self._mac(environment, raw_org, body)):
            raise IntegrityFailure("the MAC of limits")
        org = org_id(raw_org.decode("ascii", "replace"))
        try:
            if org is None:
                raise MalformedBytes("limits of no organization")
            return org, _decode(Reader(body))
        except ValueError as error:  # MalformedBytes
            raise IntegrityFailure("the record of limits") from error

    def _mac(self, environment: EnvironmentId, org: bytes, body: bytes) -> bytes:
        return self._keys.record(b"limits" + lp16(environment.encode()) + lp16(org) + body)

    def _seal(self, environment: EnvironmentId, records: Fields) -> bytes:
        parts = [lp32(part) for field in sorted(records.items()) for part in field]
        return self._keys.record(b"all limits" + lp16(environment.encode()) + b"".join(parts))


def _decode(reader: Reader) -> Override:
    if reader.number(1) != _FORMAT:
        raise MalformedBytes("a format that this version does not know")
    override = Override(_limit(reader), _limit(reader), _limit(reader), _limit(reader))
    reader.finish()
    return override


def _limit(reader: Reader) -> int | None:
    there, limit = reader.flag(), reader.number(8)
    if not there and limit:
        raise MalformedBytes("a limit that is not set")
    return limit if there else None
