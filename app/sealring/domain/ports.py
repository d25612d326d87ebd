"""The interfaces of the system of record. Adapters: store/ (Redis, Valkey), and one in memory for tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from sealring.domain.decision import Epoch
from sealring.domain.events import Event
from sealring.domain.idempotency import IdempotentOutcome, IdempotentRequest
from sealring.domain.ids import EnvironmentId, Home, ObjectId, OrgId
from sealring.domain.kek import Kek, KekRecord, KekScope, KekUse
from sealring.domain.limits import NO_LIMITS, Limits
from sealring.domain.record import ObjectRecord, Version, VersionSummary
from sealring.domain.revocation import Revocation


@dataclass(frozen=True, slots=True)
class Change:
    """A write with its audit event and its uses of KEKs, all committed together or not at all.

    `limits` are those of the organization: the store refuses a write that would exceed a quota.
    """

    record: ObjectRecord
    event: Event
    uses: Sequence[KekUse] = ()
    limits: Limits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new object goes."""

    id: ObjectId
    environment: EnvironmentId
    org: OrgId
    name: str = field(repr=False)


class Order(Enum):
    ASCENDING = "asc"
    DESCENDING = "desc"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list. Lists are sorted by (`updated_at`, `id`)."""

    updated_at: int  # microseconds
    id: bytes  # 16 bytes
    name: str = field(repr=False)

    @property
    def position(self) -> tuple[int, bytes]:
        return self.updated_at, self.id


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which rows to return: at most `limit`, strictly beyond `start` in `order`."""

    environment: EnvironmentId
    orgs: frozenset[OrgId] | None  # None: all of the environment
    order: Order
    limit: int
    start: tuple[int, bytes] | None = None
    oldest: int = 0  # microseconds, inclusive
    newest: int | None = None  # microseconds, inclusive; None: no bound
    search: str = field(default="", repr=False)  # a case-folded part of the name


@dataclass(frozen=True, slots=True)
class Moment:
    """What the store returns with a record: the time in microseconds, and the epoch of the record's organization."""

    now: int
    epoch: Epoch | None


@dataclass(frozen=True, slots=True)
class Attestation:
    """The event of a read is stored. `newest`: whether the record is still the object's newest state."""

    newest: bool
    epoch: Epoch | None


@dataclass(frozen=True, slots=True)
class RevocationChange:
    """The new state of a revocation, the others of its environment that stay, and the event."""

    made: Revocation
    others: Sequence[Revocation]
    event: Event


@dataclass(frozen=True, slots=True)
class ItemEvents:
    """The events of items of a batch that have one head, at most 1,000; and the uses of KEKs to count with them."""

    event: Event  # of the batch
    items: Sequence[tuple[int, int]]  # the place of each in the request, and its index in the batch
    uses: Sequence[KekUse] = ()

    @property
    def owner(self) -> Owner:
        return self.event.environment, self.event.org


Owner = tuple[EnvironmentId, OrgId]
History = tuple[ObjectRecord, Sequence[VersionSummary]]


class ObjectStore(Protocol):
    """Objects and their versions. Raises StoreError; IntegrityFailure for a record that it did not write."""

    def home(self, environment: EnvironmentId, org: OrgId) -> Home:
        """Return where an organization's keys are; every object id begins with it."""

    def create(
        self, place: Place, make: Callable[[Epoch | None], Change], idempotent: IdempotentRequest | None
    ) -> ObjectRecord:
        """Store a new object with the store's time, or return the one that an earlier attempt of this request made.

        `make` is called with the organization's epoch once the name is known to be free, and again if either changes
        before the commit. Raises NameTaken; IdempotencyKeyReused; QuotaExceeded.
        """

    def get(self, object_id: ObjectId) -> ObjectRecord | None:
        """Return an object, live or deleted."""

    def find(self, environment: EnvironmentId, org: OrgId, name: str) -> ObjectRecord | None:
        """Return the live object of that name in one organization."""

    def find_everywhere(self, environment: EnvironmentId, name: str) -> Sequence[ObjectRecord]:
        """Return the live objects of that name in all organizations of the environment."""

    def amend(
        self,
        object_id: ObjectId,
        decide: Callable[[ObjectRecord, Moment], Change],
        idempotent: IdempotentRequest | None,
    ) -> ObjectRecord:
        """Replace a record in one transaction, or return the result of an earlier attempt of this request.

        The revision grows by one. Versions below the `oldest` of the new record are deleted.

        `decide` is called with the current record, and again after a conflict, but not for a retry; it raises what
        forbids the change. Raises NotFound; IdempotencyKeyReused; NameTaken if a deleted object is restored and its
        name is in use; QuotaExceeded.
        """

    def history(self, object_id: ObjectId, admit: Callable[[ObjectRecord | None], ObjectRecord]) -> History:
        """Return an object, and all its versions, newest (current) first.

        `admit` raises what forbids the read, before the older versions are decoded.
        """

    def version(self, record: ObjectRecord, version_id: bytes) -> Version | None:
        """Return one version, the current one included."""

    def attest(self, record: ObjectRecord, event: Event) -> Attestation:
        """Append the event of a read."""

    def page(self, query: PageQuery, event: Event) -> Sequence[Row]:
        """Append the event, and return rows of live objects."""

    def now(self) -> int:
        """Return microseconds since 1970 by the store's clock."""


class Lease(Enum):
    """Which process does the housekeeping. Only saves work: nothing depends on it."""

    OURS = "ours"
    REPLACED = "ours, instead of an invalid one, which never expired or later than any of ours"
    ANOTHERS = "another's"


class Tombs(Protocol):
    """Deleted objects until they are purged, and old audit entries. Raises StoreError."""

    @property
    def partitions(self) -> int: ...

    def lease(self, seconds: int) -> Lease:
        """Try to take or renew the housekeeping lease for so long."""

    def due(self, partition: int, after: int) -> Sequence[ObjectId]:
        """Return some of the objects that are due, oldest first, without the first `after`."""

    def purge(self, object_id: ObjectId) -> bool:
        """Remove an object with its versions if it is due; return whether it was. Raises IntegrityFailure."""

    def trim_audit(self, partition: int, before_ms: int) -> int:
        """Remove the entries before a time, in milliseconds; return how many."""


class IdempotencyLog(Protocol):
    """Outcomes of requests with an Idempotency-Key. Raises StoreError."""

    def find(
        self, environment: EnvironmentId, actor: str, name: str, orgs: Iterable[OrgId] | None
    ) -> Sequence[IdempotentOutcome]:
        """Return the outcomes of one Idempotency-Key in the partitions of `orgs`; None: in all partitions."""


class KekStore(Protocol):
    """The registry of KEKs. Raises StoreError; IntegrityFailure for a record that it did not write."""

    def find(self, scope: KekScope) -> KekRecord | None: ...

    def get(self, environment: EnvironmentId, org: OrgId, kek_id: bytes) -> KekRecord | None: ...

    def publish(self, scope: KekScope, kek: Kek, event: Event, limits: Limits = NO_LIMITS) -> KekRecord:
        """Store a new KEK with its first version, unless the scope has a KEK; return the stored one.

        `limits` are those of the scope's organization. Raises QuotaExceeded.
        """

    def wraps(self, environment: EnvironmentId, org: OrgId, kek: Kek) -> int:
        """Return how many wraps of this version were counted."""


class RevocationStore(Protocol):
    """The revocations of each environment. Raises StoreError; IntegrityFailure for a record that it did not write.

    An environment has a list from its first day on, so a missing list was removed.
    """

    def begin(self, environment: EnvironmentId, event: Event) -> bool:
        """Give an environment an empty list. Return False if it has an intact one, which stays."""

    def load(self, environment: EnvironmentId) -> Sequence[Revocation]:
        """Return all of them: the same object as the last time if nothing has changed."""

    def change(
        self, environment: EnvironmentId, decide: Callable[[Sequence[Revocation], int], RevocationChange]
    ) -> Revocation:
        """Store a revocation in one transaction, and drop those that do not stay. Return the stored one.

        `decide` is called with all of them and the time in microseconds, and again after a conflict; it raises what
        forbids the change.
        """


class AuditLog(Protocol):
    def append(self, event: Event, uses: Sequence[KekUse] = ()) -> Epoch | None:
        """Append an event durably, and count its organization's uses of KEKs. Raises StoreError.

        Return the organization's epoch, read in the same round trip.
        """

    def append_all(self, batches: Sequence[ItemEvents], owners: Collection[Owner]) -> Mapping[Owner, Epoch | None]:
        """Append the events of batches, of any organizations, and count their uses of KEKs. Raises StoreError.

        Return the epoch of each of `owners`, read after all events were appended.
        """
