"""Outcomes of requests that may be retried, in Redis or Valkey: a hash for each name, a field for each place.

The outcome is written in the transaction of the change. Before that, a named request writes that it is running, for
status queries only. Retries do not wait for each other: both watch the hash, and the second to commit finds the outcome
of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.clock import now_us
from sealring.domain.idempotency import RUNS_FOR_S, IdempotentOutcome, IdempotentRequest
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.record import ObjectRecord
from sealring.errors import IdempotencyKeyReused
from sealring.store.connection.link import Command, Reply
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records


@dataclass(frozen=True, slots=True)
class Repeated:
    """The outcome of an earlier request that this one repeats."""

    outcome: IdempotentOutcome
    certain: bool  # even if the object was written since; False: only if it was not
    named: bool  # it was recognised by its name


@dataclass(slots=True)
class IdempotentAttempt:
    """The commands that recognise the retries of a request; none if it cannot be retried."""

    org: OrgId
    records: Records
    key: bytes = b""
    place: bytes = b""
    fingerprint: bytes = b""
    kept_s: int = 0
    named: bool = False
    nameless: IdempotentAttempt | None = None  # if it may be a retry of a request without a name
    _before: bytes | None = None  # the write found by the first read: empty if none was; None: not read yet

    @property
    def opening(self) -> Sequence[Command]:
        """The commands to send before WATCH."""
        if not self.named:
            return ()
        running = IdempotentOutcome(
            committed=False,
            started_at=now_us(),
            operation=bytes(16),
            fingerprint=self.fingerprint,
            org=self.org,
        )
        return (
            (b"HSETNX", self.key, self.place, self.records.encode_outcome(self.key + self.place, running)),
            (b"EXPIRE", self.key, RUNS_FOR_S, b"NX"),
        )

    @property
    def watched(self) -> Sequence[bytes]:
        return tuple(each.key for each in self._each) if self.key else ()

    @property
    def reading(self) -> Sequence[Command]:
        return tuple((b"HGET", each.key, each.place) for each in self._each) if self.key else ()

    @property
    def _each(self) -> Sequence[IdempotentAttempt]:
        return (self,) if self.nameless is None else (self, self.nameless)

    def repeated(self, replies: Sequence[Reply], now: int) -> Repeated | None:
        """Read the replies to `reading`, at a time in microseconds.

        Raises IdempotencyKeyReused if another request had the name.
        """
        if not self.key:
            return None
        found = (each.known(raw, now) for each, raw in zip(self._each, replies, strict=True))
        return next((repeated for repeated in found if repeated is not None), None)

    def known(self, raw: Reply, now: int) -> Repeated | None:
        outcome = None if raw is None else self.records.decode_outcome(self.key + self.place, raw)
        if outcome is not None and now - outcome.started_at > self.kept_s * 1_000_000:
            outcome = None  # it was put back, or prevented from expiring
        if outcome is not None and outcome.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused
        if outcome is None or not outcome.committed:
            self._before = self._before or b""
            return None
        if self._before is None:
            self._before = outcome.operation
        # An outcome written after our first read is of a concurrent attempt: no other request came between.
        return Repeated(outcome, self.named or outcome.operation != self._before, self.named)

    def closing(self, record: ObjectRecord) -> Sequence[Command]:
        """Return the commands to commit with the change that makes `record`."""
        if not self.key:
            return ()
        outcome = IdempotentOutcome(
            committed=True,
            started_at=record.updated_at,
            operation=record.operation,
            fingerprint=self.fingerprint,
            org=record.org,
            object_id=record.id.raw,
            version_id=record.current.id,
        )
        return self._keeping(outcome)

    def naming(self, repeated: Repeated) -> Sequence[Command]:
        """Return the commands that store an outcome found without a name under the name of this retry."""
        if repeated.named or not self.named:
            return ()
        return self._keeping(replace(repeated.outcome, fingerprint=self.fingerprint))

    def _keeping(self, outcome: IdempotentOutcome) -> Sequence[Command]:
        encoded = self.records.encode_outcome(self.key + self.place, outcome)
        return ((b"HSET", self.key, self.place, encoded), (b"EXPIRE", self.key, self.kept_s))


class RedisIdempotency:
    """The IdempotencyLog of production. Thread-safe."""

    def __init__(self, keyspace: Keyspace, markers: Markers, records: Records, keys: StoreKeys) -> None:
        self._markers = markers
        self._keyspace = keyspace
        self._records = records
        self._keys = keys

    def attempt(self, idempotent: IdempotentRequest | None, org: OrgId, partition: int) -> IdempotentAttempt:
        if idempotent is None:
            return IdempotentAttempt(org, self._records)
        name = idempotent.name.encode() or idempotent.fingerprint
        earlier = idempotent.nameless
        return IdempotentAttempt(
            org=org,
            records=self._records,
            key=self._keyspace.outcomes(partition, idempotent.environment, idempotent.actor, name),
            place=self._keys.locator(b"place", idempotent.place),
            fingerprint=idempotent.fingerprint,
            kept_s=idempotent.kept_s,
            named=bool(idempotent.name),
            nameless=None if earlier is None else self.attempt(earlier, org, partition),
        )

    def find(
        self, environment: EnvironmentId, actor: str, name: str, orgs: Iterable[OrgId] | None
    ) -> Sequence[IdempotentOutcome]:
        partitions = list(self._partitions(environment, orgs))
        keys = [self._keyspace.outcomes(each, environment, actor, name.encode()) for each in partitions]
        replies = self._markers.load_each(partitions, [(b"HGETALL", key) for key in keys])
        return [
            self._records.decode_outcome(key + place, raw)
            for key, flat in zip(keys, replies, strict=True)
            for place, raw in zip(flat[::2], flat[1::2], strict=True)
        ]

    def _partitions(self, environment: EnvironmentId, orgs: Iterable[OrgId] | None) -> Iterable[int]:
        if orgs is None:
            return range(self._keyspace.partitions)
        return sorted({self._keyspace.partition(environment, org) for org in orgs})
