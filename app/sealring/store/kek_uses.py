"""The counts of KEKs by version: wraps of managed ones, data keys that clients keep, and what customers' keys sealed.

They have no MAC, because HINCRBY makes them, in the transaction of what they count. No transaction watches them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.kek import KekUse
from sealring.errors import IntegrityFailure
from sealring.store.connection.link import Command, Reply
from sealring.store.schema.keyspace import Keyspace

_FIELD = re.compile(rb"[wd][1-9][0-9]{0,9}")  # of a managed KEK
_COUNT = re.compile(rb"0|[1-9][0-9]{0,18}")


def counting(keyspace: Keyspace, environment: EnvironmentId, org: OrgId, uses: Sequence[KekUse]) -> Sequence[Command]:
    """Return the commands that count uses of an organization's KEKs. Each costs about 3 µs."""
    return [
        (b"HINCRBY", keyspace.kek_uses(environment, org, use.kek_id), field % use.version, count)
        for use in uses
        for field, count in (
            (b"w%d", use.wraps),
            (b"d%d", use.data_keys),
            (b"v%d", use.versions),
            (b"k%d", use.keyring_keys),
        )
        if count
    ]


def wraps_field(version: int) -> bytes:
    return b"w%d" % version


def parse_count(raw: bytes) -> int:
    """Read a count. Raises IntegrityFailure for anything that HINCRBY does not make."""
    if not _COUNT.fullmatch(raw):
        raise IntegrityFailure("a count of a KEK")
    return int(raw)


def parse_counts(flat: Reply) -> dict[bytes, int]:
    """Read all counts of a managed KEK, fields and counts in turn. Raises IntegrityFailure likewise."""
    if isinstance(flat, Exception):
        raise IntegrityFailure("the counts of a KEK")
    fields, counts = flat[::2], flat[1::2]
    if len(fields) != len(counts) or not all(map(_FIELD.fullmatch, fields)):
        raise IntegrityFailure("the counts of a KEK")
    return dict(zip(fields, map(parse_count, counts), strict=True))


def raised(counts: dict[bytes, int], wraps: int) -> dict[bytes, int]:
    """Return the counts with `wraps` added to each count of wraps."""
    return {field: count + wraps * field.startswith(b"w") for field, count in counts.items()}
