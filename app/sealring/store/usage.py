"""The counts of what organizations store: a hash for each home, with three fields for each of its organizations.

They have no MAC, because HINCRBY makes them, in the transaction of what they count. No transaction watches them, so
that writers of one organization do not conflict: a quota may be exceeded by what is in flight. The hash is of a home,
not of an organization, because a write of an object knows only the home before it has read the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.limits import Limits, Use
from sealring.domain.record import ObjectRecord, VersionSummary
from sealring.errors import IntegrityFailure
from sealring.store.connection.link import Command, Reply
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace, Owner, parse_owner

_COUNT = re.compile(rb"0|-?[1-9][0-9]{0,17}")  # one more digit, and HINCRBY could overflow
_OBJECTS, _BYTES, _CONTEXTS = b"o:", b"b:", b"c:"


class RedisUsage:
    """The UsageStore of production. Thread-safe."""

    def __init__(self, keyspace: Keyspace, markers: Markers) -> None:
        self._keyspace = keyspace
        self._markers = markers

    def load(self, environment: EnvironmentId, org: OrgId) -> Use:
        home = self._keyspace.home(environment, org)
        (flat,) = self._markers.load(home.partition, (b"HGETALL", self._keyspace.usage(home)))
        return use_in(flat, environment, org)


def use_in(flat: Reply, environment: EnvironmentId, org: OrgId) -> Use:
    """Return an organization's use from the hash of its home. Raises IntegrityFailure for what HINCRBY does not make.

    Checked before each write, because HINCRBY would fail on it within the EXEC, beside commands that succeed.
    """
    counts = dict(zip(flat[::2], flat[1::2], strict=True))
    objects, stored_bytes, contexts = _fields(environment, org)
    return Use(_count(counts, objects), _count(counts, stored_bytes), _count(counts, contexts))


def uses_in(flat: Reply) -> dict[Owner, Use]:
    """Return the use of each organization in the hash of a home. Raises IntegrityFailure likewise."""
    owners = {parse_owner(field[2:]) for field in flat[::2]}
    known = [owner for owner in owners if owner is not None]
    if sum(len(set(_fields(*owner)) & set(flat[::2])) for owner in known) != len(flat[::2]):
        raise IntegrityFailure("a count of no organization")
    return {owner: use_in(flat, *owner) for owner in known}


def use_of(record: ObjectRecord, older: Iterable[VersionSummary]) -> Use:
    """Return what one object with its older versions uses."""
    return Use(1, record.current.size + sum(each.size for each in older))


def growth_of(current: ObjectRecord | None, record: ObjectRecord, leaving: Iterable[VersionSummary] = ()) -> Use:
    """Return by how much the replacement of `current` by `record` grows; None: the object is new."""
    same = current is not None and current.current.id == record.current.id
    added = 0 if same else record.current.size
    return Use(int(current is None), added - sum(each.size for each in leaving))


def growing(keyspace: Keyspace, usage: Reply, record: ObjectRecord, growth: Use, limits: Limits) -> Sequence[Command]:
    """Return the commands that count a write's growth; `usage` is the hash of the record's home. Raises QuotaExceeded.

    A write that moves no count does not look at it.
    """
    if growth == Use():
        return ()
    limits.admit(use_in(usage, record.environment, record.org), growth)
    return moving(keyspace, record.environment, record.org, growth)


def moving(keyspace: Keyspace, environment: EnvironmentId, org: OrgId, change: Use) -> Sequence[Command]:
    """Return the commands that move an organization's counts. Each costs about 3 µs."""
    key = keyspace.usage(keyspace.home(environment, org))
    return [(b"HINCRBY", key, field, count) for field, count in _counts(environment, org, change) if count]


def storing(keyspace: Keyspace, environment: EnvironmentId, org: OrgId, use: Use) -> Sequence[Command]:
    """Return the commands that store counts, for a restored store. May be retried."""
    key = keyspace.usage(keyspace.home(environment, org))
    return [(b"HSET", key, field, count) for field, count in _counts(environment, org, use) if count]


def _counts(environment: EnvironmentId, org: OrgId, use: Use) -> Sequence[tuple[bytes, int]]:
    return list(zip(_fields(environment, org), (use.objects, use.stored_bytes, use.contexts), strict=True))


def _fields(environment: EnvironmentId, org: OrgId) -> tuple[bytes, bytes, bytes]:
    owner = f"{environment}:{org}".encode()
    return _OBJECTS + owner, _BYTES + owner, _CONTEXTS + owner


def _count(counts: Mapping[bytes, bytes], field: bytes) -> int:
    raw = counts.get(field, b"0")
    if not _COUNT.fullmatch(raw):
        raise IntegrityFailure("a count of an organization")
    return int(raw)
