"""The objects of a store in memory: with their names, versions and indexes, as the real one keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.clock import now_us
from sealring.domain.decision import Epoch
from sealring.domain.events import Event
from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import EnvironmentId, Home, ObjectId, OrgId
from sealring.domain.limits import Use
from sealring.domain.ports import Attestation, Change, History, Moment, Order, PageQuery, Place, Row
from sealring.domain.record import ObjectRecord, Version
from sealring.errors import NameTaken, NotFound
from sealring.store.schema.records import Records
from support.memory import MemoryAudit, MemoryIdempotency, home


class MemoryObjects:
    """An ObjectStore. Thread-safe: one lock is its transaction."""

    def __init__(self, audit: MemoryAudit, idempotency: MemoryIdempotency, keys: StoreKeys) -> None:
        self._audit = audit
        self._intents = idempotency
        self._records = Records(keys, home)  # for etags
        self._objects: dict[ObjectId, ObjectRecord] = {}
        self._versions: dict[ObjectId, list[Version]] = {}
        self._lock = RLock()

    def home(self, environment: EnvironmentId, org: OrgId) -> Home:
        return home(environment, org)

    def now(self) -> int:
        return now_us()

    def create(
        self, place: Place, make: Callable[[Epoch | None], Change], idempotent: IdempotentRequest | None
    ) -> ObjectRecord:
        with self._lock:
            recalled = self._recalled(idempotent)
            if recalled is not None:
                return recalled
            if self.find(place.environment, place.org, place.name) is not None:
                raise NameTaken
            new = make(self._audit.epochs.get(place.id.home))
            record = new.record.stamped(self.now())
            return self._store(record, new, idempotent)

    def get(self, object_id: ObjectId) -> ObjectRecord | None:
        return self._objects.get(object_id)

    def find(self, environment: EnvironmentId, org: OrgId, name: str) -> ObjectRecord | None:
        return next((each for each in self.find_everywhere(environment, name) if each.org == org), None)

    def find_everywhere(self, environment: EnvironmentId, name: str) -> Sequence[ObjectRecord]:
        return [each for each in self._live(environment) if each.name == name]

    def amend(
        self,
        object_id: ObjectId,
        decide: Callable[[ObjectRecord, Moment], Change],
        idempotent: IdempotentRequest | None,
    ) -> ObjectRecord:
        with self._lock:
            current = self._objects.get(object_id)
            if current is None:
                raise NotFound
            recalled = self._recalled(idempotent)
            if recalled is not None:
                return recalled
            change = decide(current, Moment(self.now(), self._audit.epochs.get(object_id.home)))
            record = change.record.following(current)
            holder = self.find(record.environment, record.org, record.name)
            if record.live and holder is not None and holder.id != record.id:
                raise NameTaken
            return self._store(record, change, idempotent)

    def history(self, object_id: ObjectId, admit: Callable[[ObjectRecord | None], ObjectRecord]) -> History:
        with self._lock:
            record = admit(self._objects.get(object_id))
            return record, [self._records.summarize(version) for version in reversed(self._versions[object_id])]

    def version(self, record: ObjectRecord, version_id: bytes) -> Version | None:
        return next((each for each in self._versions[record.id] if each.id == version_id), None)

    def attest(self, record: ObjectRecord, event: Event) -> Attestation:
        epoch = self._audit.append(event)
        newest = self._objects[record.id]
        return Attestation(newest.updated_at == record.updated_at and newest.live, epoch)

    def page(self, query: PageQuery, event: Event) -> Sequence[Row]:
        self._audit.append(event)
        descending = query.order is Order.DESCENDING
        rows = sorted(
            (Row(each.updated_at, each.id.raw, each.name) for each in self._live(query.environment, query.orgs)),
            key=lambda row: row.position,
            reverse=descending,
        )
        return [row for row in rows if _wanted(row, query)][: query.limit]

    def _store(self, record: ObjectRecord, change: Change, idempotent: IdempotentRequest | None) -> ObjectRecord:
        before = self._versions.get(record.id, [])
        after = before if before and before[-1].id == record.current.id else [*before, record.current]
        after = [each for each in after if each.number >= record.oldest]
        growth = Use(int(not before), sum(each.size for each in after) - sum(each.size for each in before))
        change.limits.admit(self._audit.used(record.environment, record.org), growth)
        self._audit.use(record.environment, record.org, growth)
        self._versions[record.id] = after
        self._objects[record.id] = record
        self._audit.append(change.event, change.uses)
        if idempotent is not None:
            self._intents.remember(idempotent, record)
        return record

    def _recalled(self, idempotent: IdempotentRequest | None) -> ObjectRecord | None:
        if idempotent is None:
            return None
        outcome = self._intents.recall(idempotent)
        if outcome is None:
            recalled = self._recalled(idempotent.nameless)
            if recalled is not None:
                self._intents.remember(idempotent, recalled)
            return recalled
        record = self._objects[ObjectId(outcome.object_id)]
        if not idempotent.name and record.operation != outcome.operation:
            return None
        version = next((each for each in self._versions[record.id] if each.id == outcome.version_id), None)
        version = version or record.dropped(outcome.version_id, outcome.started_at)
        return record.as_of(version, outcome.started_at, recalled=True)

    def _live(self, environment: EnvironmentId, orgs: frozenset[OrgId] | None = None) -> Sequence[ObjectRecord]:
        with self._lock:
            everything = list(self._objects.values())
        return [
            each
            for each in everything
            if each.live and each.environment == environment and (orgs is None or each.org in orgs)
        ]


def _wanted(row: Row, query: PageQuery) -> bool:
    if row.updated_at < query.oldest or (query.newest is not None and row.updated_at > query.newest):
        return False
    if query.search not in row.name.casefold():
        return False
    if query.start is None:
        return True
    return row.position < query.start if query.order is Order.DESCENDING else row.position > query.start
