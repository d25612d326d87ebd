"""A store in memory: the same promises as the real one, for tests and for reading what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from threading import RLock

from sealring.domain.binding import Binding, BindingState, BindingUse, governing, is_of_binding
from sealring.domain.binding_ports import BindingChange
from sealring.domain.clock import now_us
from sealring.domain.decision import Decision, Epoch, new_epoch
from sealring.domain.events import KEY_USES, Event
from sealring.domain.idempotency import IdempotentOutcome, IdempotentRequest
from sealring.domain.ids import EnvironmentId, Home, OrgId
from sealring.domain.kek import Kek, KekRecord, KekScope, KekUse
from sealring.domain.limits import NO_LIMITS, Use
from sealring.domain.ports import ItemEvents, Owner
from sealring.domain.record import ObjectRecord
from sealring.errors import IdempotencyKeyReused


class MemoryAudit:
    """An AuditLog whose entries can be looked at."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.epochs: dict[Home, Epoch] = {}
        self.uses: list[KekUse] = []
        self.last_used: dict[bytes, int] = {}  # when the keys of bindings were, by id
        self._used: dict[tuple[EnvironmentId, OrgId], Use] = {}

    def append(self, event: Event, uses: Sequence[KekUse] = ()) -> Epoch | None:
        self.events.append(event)
        self.uses += uses
        self._note(event)
        return self.epochs.get(home(event.environment, event.org))

    def append_all(self, batches: Sequence[ItemEvents], owners: Collection[Owner]) -> Mapping[Owner, Epoch | None]:
        for batch in batches:
            self.events += [batch.event.of_item(*each) for each in batch.items]
            self.uses += batch.uses
            self._note(batch.event)
        return {owner: self.epochs.get(home(*owner)) for owner in owners}

    def _note(self, event: Event) -> None:
        if event.action in KEY_USES:
            self.last_used |= {kek_id: now_us() for kek_id, _ in event.keys if is_of_binding(kek_id)}

    def used(self, environment: EnvironmentId, org: OrgId) -> Use:
        return self._used.get((environment, org), Use())

    def use(self, environment: EnvironmentId, org: OrgId, growth: Use) -> None:
        self._used[environment, org] = self.used(environment, org) + growth


class MemoryUsage:
    """A UsageStore: the counts of MemoryAudit."""

    def __init__(self, audit: MemoryAudit) -> None:
        self._audit = audit

    def load(self, environment: EnvironmentId, org: OrgId) -> Use:
        return self._audit.used(environment, org)


def home(environment: EnvironmentId, org: OrgId) -> Home:
    """Where an organization is in any store in memory: one of four partitions."""
    digest = hashlib.sha256(f"{environment}{org}".encode()).digest()
    return Home.of(digest[0] % 4, int.from_bytes(digest[1:3], "big"))


class MemoryBindings:
    """A BindingStore. Thread-safe."""

    def __init__(self, audit: MemoryAudit, keks: MemoryKeks) -> None:
        self._audit = audit
        self._keks = keks
        self._bindings: dict[bytes, Binding] = {}
        self._since: dict[tuple[bytes, BindingState, bool], int] = {}  # by id and state, the newest of each binding
        self._lock = RLock()

    def home(self, environment: EnvironmentId, org: OrgId) -> Home:
        return home(environment, org)

    def load(self, environment: EnvironmentId, org: OrgId) -> Decision:
        with self._lock:
            epoch = self._audit.epochs.setdefault(home(environment, org), new_epoch())
            return Decision(environment, org, epoch, self._of(environment, org))

    def owner(self, binding_id: bytes) -> tuple[EnvironmentId, OrgId] | None:
        binding = self._bindings.get(binding_id)
        return None if binding is None else (binding.environment, binding.org)

    def change(
        self, environment: EnvironmentId, org: OrgId, decide: Callable[[Sequence[Binding], int], BindingChange]
    ) -> Binding:
        with self._lock:
            before = self._of(environment, org)
            change = decide(before, now_us())
            self._bindings |= {each.id: each for each in (change.binding, *change.others)}
            self._since_now(before, (change.binding, *change.others))
            self._keks.add(change.binding.kek)
            if change.removes:
                del self._bindings[change.binding.id]
            if governing(before) != governing(self._of(environment, org)):
                self._audit.epochs[home(environment, org)] = new_epoch()
            self._audit.append(change.event)
            return change.binding

    def uses(self, environment: EnvironmentId, org: OrgId, bindings: Sequence[Binding]) -> Mapping[bytes, BindingUse]:
        return {each.id: self._use(each) for each in bindings}

    def _use(self, binding: Binding) -> BindingUse:
        mine = [each for each in self._audit.uses if each.kek_id == binding.id]
        return BindingUse(
            versions=sum(each.versions for each in mine),
            data_keys=sum(each.data_keys for each in mine),
            keyring_keys=sum(each.keyring_keys for each in mine),
            complete=True,
            last_used_at=self._audit.last_used.get(binding.id),
            state_since=self._since.get((binding.id, binding.state, binding.shut)),
        )

    def _since_now(self, before: Sequence[Binding], changed: Iterable[Binding]) -> None:
        states = {(each.id, each.state, each.shut) for each in before}
        for each in changed:
            if (state := (each.id, each.state, each.shut)) not in states:
                self._since[state] = each.updated_at

    def owners(self, partition: int) -> Sequence[tuple[EnvironmentId, OrgId]]:
        found = {(each.environment, each.org) for each in self._bindings.values()}
        return sorted(owner for owner in found if home(*owner).partition == partition)

    def _of(self, environment: EnvironmentId, org: OrgId) -> Sequence[Binding]:
        return [each for each in self._bindings.values() if (each.environment, each.org) == (environment, org)]


class MemoryIdempotency:
    """An IdempotencyLog that forgets nothing. Not thread-safe by itself: it is used within the lock of MemoryObjects."""

    def __init__(self) -> None:
        self._outcomes: dict[IdempotentRequest, IdempotentOutcome] = {}

    def remember(self, idempotent: IdempotentRequest, record: ObjectRecord) -> None:
        self._outcomes[self._named(idempotent)] = IdempotentOutcome(
            committed=True,
            started_at=record.updated_at,
            operation=record.operation,
            fingerprint=idempotent.fingerprint,
            org=record.org,
            object_id=record.id.raw,
            version_id=record.current.id,
        )

    def recall(self, idempotent: IdempotentRequest) -> IdempotentOutcome | None:
        outcome = self._outcomes.get(self._named(idempotent))
        if outcome is not None and outcome.fingerprint != idempotent.fingerprint:
            raise IdempotencyKeyReused
        return outcome

    def find(
        self, environment: EnvironmentId, actor: str, name: str, orgs: Iterable[OrgId] | None
    ) -> Sequence[IdempotentOutcome]:
        return [
            outcome
            for idempotent, outcome in self._outcomes.items()
            if (idempotent.environment, idempotent.actor, idempotent.name) == (environment, actor, name)
            and (orgs is None or outcome.org in orgs)
        ]

    def _named(self, idempotent: IdempotentRequest) -> IdempotentRequest:
        """A name stands for the request; without one, the request stands for itself."""
        return replace(idempotent, fingerprint=b"", nameless=None) if idempotent.name else idempotent


class MemoryKeks:
    """A KekStore. Thread-safe."""

    def __init__(self, audit: MemoryAudit) -> None:
        self._audit = audit
        self._by_scope: dict[bytes, KekRecord] = {}
        self._bound: dict[bytes, KekRecord] = {}
        self._lock = RLock()

    def add(self, kek: Kek) -> None:
        """Store the KEK of a binding."""
        self._bound[kek.kek_id] = KekRecord((kek,))

    def find(self, scope: KekScope) -> KekRecord | None:
        return self._by_scope.get(scope.encoded)

    def get(self, environment: EnvironmentId, org: OrgId, kek_id: bytes) -> KekRecord | None:
        owner = KekScope.owner(environment, org)
        with self._lock:
            everything = (*self._by_scope.values(), *self._bound.values())
            keks = [kek for kek in everything if kek.scope.startswith(owner)]
        return next((kek for kek in keks if kek.kek_id == kek_id), None)

    def publish(self, scope: KekScope, kek: Kek, event: Event, limits=NO_LIMITS) -> KekRecord:
        with self._lock:
            if scope.encoded not in self._by_scope:
                limits.admit(self._audit.used(scope.environment, scope.org), Use(contexts=1))
                self._audit.use(scope.environment, scope.org, Use(contexts=1))
                self._by_scope[scope.encoded] = KekRecord((kek,))
                self._audit.append(event)
            return self._by_scope[scope.encoded]

    def wraps(self, environment: EnvironmentId, org: OrgId, kek: Kek) -> int:
        mine = [each for each in self._audit.uses if (each.kek_id, each.version) == (kek.kek_id, kek.version)]
        return sum(each.wraps for each in mine)
