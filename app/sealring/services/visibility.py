"""Whether an object exists for a caller, and the event and comparison that stand before an answer leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sealring.domain.decision import Epoch
from sealring.domain.events import Action, Event
from sealring.domain.ids import NO_ORG, EnvironmentId, Home, ObjectId, OrgId
from sealring.domain.ports import AuditLog, ObjectStore
from sealring.domain.principal import Caller, Principal
from sealring.domain.record import ObjectRecord
from sealring.errors import IntegrityFailure, NotFound

HomeOf = Callable[[EnvironmentId, OrgId], Home]  # a store's


def visible(record: ObjectRecord | None, caller: Caller) -> ObjectRecord:
    """Return the live object. Raises NotFound alike for none, a deleted one and another organization's."""
    record = owned(record, caller)
    if not record.live:
        raise NotFound
    return record


def owned(record: ObjectRecord | None, caller: Caller) -> ObjectRecord:
    """Return the object, live or deleted. Raises NotFound alike for none and another organization's."""
    if record is None or not caller.principal.may_see(record.environment, record.org):
        raise NotFound
    return record


def object_id(text: str, caller: Caller, home_of: HomeOf) -> ObjectId:
    """Return the id of an object that may be the caller's. Raises NotFound where `text` is none."""
    parsed = ObjectId.parse(text)
    if parsed is None or not at_home(caller.principal, parsed.home, home_of):
        raise NotFound
    return parsed


def live_object(store: ObjectStore, caller: Caller, text: str) -> ObjectRecord:
    """Return the live object of an id. Raises NotFound."""
    return visible(store.get(object_id(text, caller, store.home)), caller)


def at_home(principal: Principal, home: Home, home_of: HomeOf) -> bool:
    """Whether what an id names can be the principal's. What cannot is not even read: the time would tell of it."""
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
    """Store the event of a read, and return the newest state of the object, and the epoch of its organization.

    Raises NotFound where it was deleted meanwhile; IntegrityFailure where the record is not the newest one and no other
    one is there: it was rolled back. Another one need not be newer: a failover takes back writes whose outcome was
    unknown.
    """
    while not (attestation := store.attest(record, event(record))).newest:
        caller = caller.again()
        present = visible(store.get(record.id), caller)
        if present == record:
            raise IntegrityFailure("rolled back")
        record = present
    return record, attestation.epoch


@contextmanager
def refusals_audited(audit: AuditLog, caller: Caller, target: str) -> Iterator[None]:
    """Leave the reason of an integrity failure in the audit log; outside, all of them look alike."""
    try:
        yield
    except IntegrityFailure as failure:
        audit.append(
            Event(
                action=Action.OBJECT_REFUSED,
                environment=caller.principal.environment,
                org=NO_ORG,
                origin=caller.origin,
                target=target,
                refused=True,
                reason=failure.reason,
            )
        )
        raise
