"""Whether an object exists for a caller, and the audit event before each answer, with the epoch that lets it leave."""

from __future__ import annotations

from collections.abc import Callable

from sealring.domain.decision import Epoch
from sealring.domain.events import Action, Event
from sealring.domain.ids import NO_ORG, EnvironmentId, Home, ObjectId, OrgId
from sealring.domain.ports import AuditLog, ObjectStore
from sealring.domain.principal import Caller, Principal
from sealring.domain.record import ObjectRecord
from sealring.errors import IntegrityFailure, NotFound

HomeOf = Callable[[EnvironmentId, OrgId], Home]  # a store's


def visible(record: ObjectRecord | None, caller: Caller) -> ObjectRecord:
    """Return the live object. Raises the same NotFound for a missing, a deleted and another organization's object."""
    record = owned(record, caller)
    if not record.live:
        raise NotFound
    return record


def owned(record: ObjectRecord | None, caller: Caller) -> ObjectRecord:
    """Return the object, live or deleted. Raises the same NotFound for a missing and another organization's object."""
    if record is None or not caller.principal.may_see(record.environment, record.org):
        raise NotFound
    caller.acts_for(record.org)
    return record


def object_id(text: str, caller: Caller, home_of: HomeOf) -> ObjectId:
    """Return the id of an object that may be the caller's. Raises NotFound for any other text."""
    parsed = ObjectId.parse(text)
    if parsed is None or not at_home(caller.principal, parsed.home, home_of):
        raise NotFound
    return parsed


def live_object(store: ObjectStore, caller: Caller, text: str) -> ObjectRecord:
    """Return the live object with that id. Raises NotFound."""
    return visible(store.get(object_id(text, caller, store.home)), caller)


def at_home(principal: Principal, home: Home, home_of: HomeOf) -> bool:
    """Return whether an id can belong to the principal. If not, nothing is read: the time would tell if it exists."""
    return principal.everywhere or any(home == home_of(principal.environment, org) for org in principal.organizations)


def event_of(action: Action, record: ObjectRecord, caller: Caller) -> Event:
    envelope = record.current.envelope
    return Event(
        action=action,
        environment=envelope.header.environment,
        org=envelope.header.org,
        origin=caller.origin,
        target=str(record.id),
        name=record.name,
        context=record.context,
        keys=envelope.keys,
    )


def attested(
    store: ObjectStore, record: ObjectRecord, caller: Caller, event: Callable[[ObjectRecord], Event]
) -> tuple[ObjectRecord, Epoch | None]:
    """Store the event of a read. Return the newest state of the object, and the epoch of its organization.

    Raises NotFound if the object was deleted meanwhile; IntegrityFailure if the record is not the newest one, but the
    store has no other: it was rolled back. Another record need not be newer: a failover can undo a write whose outcome
    was unknown.
    """
    while not (attestation := store.attest(record, event(record))).newest:
        caller = caller.again()
        present = visible(store.get(record.id), caller)
        if present == record:
            raise IntegrityFailure("rolled back")
        record = present
    return record, attestation.epoch


class refusals_audited:  # noqa: N801  used as a function; a generator would cost each read 1 µs more
    """Write the reason of an integrity failure to the audit log; the caller gets the same answer for all reasons."""

    __slots__ = ("_audit", "_caller", "_target")

    def __init__(self, audit: AuditLog, caller: Caller, target: str) -> None:
        self._audit = audit
        self._caller = caller
        self._target = target

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, IntegrityFailure):
            self._audit.append(
                Event(
                    action=Action.OBJECT_REFUSED,
                    environment=self._caller.principal.environment,
                    org=NO_ORG,
                    origin=self._caller.origin,
                    target=self._target,
                    refused=True,
                    reason=error.reason,
                )
            )
