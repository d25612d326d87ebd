"""Objects: create, read, update, delete and restore named values. A value leaves only if its decision still holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from sealring.domain.context import KeyContext
from sealring.domain.decision import Epoch
from sealring.domain.events import Action, Event
from sealring.domain.ids import NO_ORG, ObjectId, OrgId, uuid_text
from sealring.domain.kek import KekUse
from sealring.domain.limits import LimitsOf, unlimited
from sealring.domain.ports import AuditLog, Change, Moment, ObjectStore, Place
from sealring.domain.principal import Caller, Permission
from sealring.domain.properties import property_of
from sealring.domain.record import Author, ObjectRecord, State, Version
from sealring.errors import (
    AmbiguousName,
    InvalidBody,
    KeyContextFixed,
    NotFound,
    PayloadTooLarge,
    VersionConflict,
)
from sealring.fibers import heavy
from sealring.services.sealing import Sealing
from sealring.services.visibility import attested, event_of, live_object, object_id, owned, refusals_audited, visible

_NO_PROPERTY = "The value is no JSON object with this property."


@dataclass(frozen=True, slots=True)
class OpenedObject:
    record: ObjectRecord
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ObjectLimits:
    max_value_bytes: int = 1 << 20
    max_versions: int = 100  # of one object, the current one included
    retention_s: int = 30 * 86_400  # how long a deleted object can be restored


class _LiveAlready(Exception):
    """The object is live: there is nothing to restore."""


class Objects:
    """The use cases of one object. Thread-safe."""

    def __init__(
        self,
        store: ObjectStore,
        sealing: Sealing,
        audit: AuditLog,
        limits: ObjectLimits,
        limits_of: LimitsOf = unlimited,
    ) -> None:
        """`limits` are those of one object, `limits_of` those of an organization."""
        self._store = store
        self._sealing = sealing
        self._audit = audit
        self._limits = limits
        self._limits_of = limits_of

    def create(self, caller: Caller, *, name: str, value: str, context: KeyContext) -> ObjectRecord:
        """Seal and store a new object.

        Raises Forbidden if the token lacks the context's organization, or if the context has none and the token is not
        for all; NameTaken; PayloadTooLarge; QuotaExceeded; KeyFailure.
        """
        caller.principal.require(Permission.OBJECTS_CREATE)
        caller.principal.require_organization(context.organization)
        caller.acts_for(context.organization)
        plaintext = self._checked(value)
        environment, org = caller.principal.environment, context.organization
        new_id = ObjectId.new(self._store.home(environment, org))
        made: dict[Epoch | None, Change] = {}

        def make(epoch: Epoch | None) -> Change:
            if epoch not in made:  # seal once for each state of the bindings, however often the store tries
                record, uses = self._new(caller, new_id, name, context, plaintext, epoch)
                event, limits = event_of(Action.OBJECT_CREATED, record, caller), self._limits_of(environment, org)
                made[epoch] = Change(record, event, uses, limits)
            return made[epoch]

        place = Place(new_id, environment, org, name)
        self._sealing.prepare(environment, org)
        return self._store.create(place, make, caller.idempotent)

    def read(self, caller: Caller, text_id: str) -> OpenedObject:
        """Return an object with its value, after the event of the read is stored. Raises NotFound; KeyFailure."""
        caller.principal.require(Permission.OBJECTS_READ)
        with refusals_audited(self._audit, caller, text_id):
            return self._open(caller, live_object(self._store, caller, text_id))

    def read_by_name(self, caller: Caller, name: str, org: OrgId | None) -> OpenedObject:
        """Return the object of that name in `org`, or in the caller's organizations.

        Raises AmbiguousName if several organizations have one; Forbidden if the token lacks `org`; NotFound.
        """
        caller.principal.require(Permission.OBJECTS_READ)
        with refusals_audited(self._audit, caller, "by name"):
            return self._open(caller, self._named(caller, name, org))

    def read_property(self, caller: Caller, name: str, org: OrgId, member: str) -> OpenedObject:
        """Return the object of that name in `org`; its value is only the property, if `member` is not empty.

        Raises InvalidBody if there is no such property, never NotFound: the object is there. Else as `read_by_name`.
        """
        opened = self.read_by_name(caller, name, org)
        if not member:
            return opened
        found = heavy(partial(property_of, opened.value, member), len(opened.value))
        if found is None:
            raise InvalidBody(f"property: {_NO_PROPERTY}", (("property", _NO_PROPERTY),))
        return replace(opened, value=found)

    def describe(self, caller: Caller, text_id: str) -> ObjectRecord:
        """Return an object without its value. Touches no key. Raises NotFound."""
        caller.principal.require(Permission.OBJECTS_READ)
        with refusals_audited(self._audit, caller, text_id):
            record = live_object(self._store, caller, text_id)
            return attested(self._store, record, caller, _event(Action.METADATA_READ, caller))[0]

    def update(
        self, caller: Caller, text_id: str, *, value: str, version_check: str | None, contexts: Sequence[KeyContext]
    ) -> ObjectRecord:
        """Seal and store a new value under the object's own context.

        Raises VersionConflict if `version_check` is given and stale; KeyContextFixed if one of `contexts`, those of the
        request, is not the object's; NotFound; PayloadTooLarge; QuotaExceeded; KeyFailure.
        """
        caller.principal.require(Permission.OBJECTS_UPDATE)
        plaintext = self._checked(value)
        sealed: dict[Epoch | None, tuple[Version, Sequence[KekUse]]] = {}

        def decide(current: ObjectRecord, moment: Moment) -> Change:
            visible(current, caller)
            if any(context != current.context for context in contexts):
                raise KeyContextFixed("Key context cannot be changed. Leave it out, or create another object.")
            _check_version(current, version_check)
            # Seal once for each state of the bindings: the ids in the header are random, so that a retry after a
            # conflict needs no second encryption.
            if moment.epoch not in sealed:
                envelope, uses = self._sealing.seal(plaintext, current.id, current.context, caller, moment.epoch)
                sealed[moment.epoch] = Version(0, 0, _author(caller), envelope), uses
            written = _after(current, moment)
            version, uses = sealed[moment.epoch]
            version = Version(current.current.number + 1, written, version.author, version.envelope)
            record = current.updated(version, max(current.oldest, version.number - self._limits.max_versions + 1))
            limits = self._limits_of(record.environment, record.org)
            return Change(record, event_of(Action.OBJECT_UPDATED, record, caller), uses, limits)

        with refusals_audited(self._audit, caller, text_id):
            return self._amended(caller, text_id, decide)

    def delete(self, caller: Caller, text_id: str, *, version_check: str | None) -> ObjectRecord:
        """Make an object unreadable and its name free, at once. It can be restored until it is purged.

        Touches no key. Raises VersionConflict; NotFound.
        """
        caller.principal.require(Permission.OBJECTS_DELETE)

        def decide(current: ObjectRecord, moment: Moment) -> Change:
            visible(current, caller)
            _check_version(current, version_check)
            deleted_at = _after(current, moment)
            purge_at = deleted_at + self._limits.retention_s * 1_000_000
            record = replace(current, state=State.DELETED, updated_at=deleted_at, purge_at=purge_at)
            return Change(record, event_of(Action.OBJECT_DELETED, record, caller))

        with refusals_audited(self._audit, caller, text_id):
            return self._amended(caller, text_id, decide)

    def restore(self, caller: Caller, text_id: str) -> ObjectRecord:
        """Bring a deleted object back. Touches no key. Raises NameTaken; NotFound.

        A live object does not change, and is described to a caller who may read it. Raises Forbidden for others.
        """
        caller.principal.require(Permission.OBJECTS_RESTORE)

        def decide(current: ObjectRecord, moment: Moment) -> Change:
            if owned(current, caller).live:
                raise _LiveAlready
            if current.purge_at <= moment.now:
                raise NotFound
            record = replace(current, state=State.LIVE, updated_at=_after(current, moment), purge_at=0)
            return Change(record, event_of(Action.OBJECT_RESTORED, record, caller))

        while True:
            with refusals_audited(self._audit, caller, text_id):
                try:
                    return self._amended(caller, text_id, decide)
                except _LiveAlready:
                    with suppress(NotFound):  # deleted meanwhile: try again to restore it
                        return self.describe(caller, text_id)
            caller = caller.again()

    def _amended(self, caller: Caller, text_id: str, decide: Callable[[ObjectRecord, Moment], Change]) -> ObjectRecord:
        return owned(self._store.amend(object_id(text_id, caller, self._store.home), decide, caller.idempotent), caller)

    def _new(  # noqa: PLR0913, PLR0917  what a new object is made of
        self, caller: Caller, new_id: ObjectId, name: str, context: KeyContext, plaintext: bytes, epoch: Epoch | None
    ) -> tuple[ObjectRecord, Sequence[KekUse]]:
        envelope, uses = self._sealing.seal(plaintext, new_id, context, caller, epoch)
        record = ObjectRecord(
            id=new_id,
            name=name,
            context=context,
            state=State.LIVE,
            created_at=0,
            updated_at=0,
            revision=1,
            current=Version(1, 0, _author(caller), envelope),
        )
        return record, uses

    def _named(self, caller: Caller, name: str, org: OrgId | None) -> ObjectRecord:
        principal = caller.principal
        if org is not None:
            principal.require_organization(org)
            caller.acts_for(org)
            return visible(self._store.find(principal.environment, org, name), caller)
        if principal.everywhere:
            every = list(self._store.find_everywhere(principal.environment, name))
            # Objects of no organization come first: an organization must not be able to hide one by its name.
            found = [record for record in every if record.org == NO_ORG] or every
        else:
            each = (self._store.find(principal.environment, mine, name) for mine in sorted(principal.organizations))
            found = [record for record in each if record is not None]
        if len(found) > 1:
            raise AmbiguousName
        return visible(found[0] if found else None, caller)

    def _open(self, caller: Caller, record: ObjectRecord) -> OpenedObject:
        """Open, store the event of the read, and start again if the object or a binding changed meanwhile."""
        decision = self._sealing.decision(record.current.envelope)
        while True:
            value, decision = self._sealing.open(record.current.envelope, record.context, caller, decision)
            present, epoch = attested(self._store, record, caller, _event(Action.OBJECT_READ, caller))
            holds = decision.holds_at(epoch)
            if holds and present.current.id == record.current.id:
                return OpenedObject(present, value.decode())
            caller = caller.again()
            record = present
            decision = decision if holds else self._sealing.renewed(decision)

    def _checked(self, value: str) -> bytes:
        plaintext = value.encode()
        if len(plaintext) > self._limits.max_value_bytes:
            raise PayloadTooLarge(f"The value is over {self._limits.max_value_bytes} bytes. Store a smaller one.")
        return plaintext


def _event(action: Action, caller: Caller) -> Callable[[ObjectRecord], Event]:
    return lambda record: event_of(action, record, caller)


def _check_version(current: ObjectRecord, version_check: str | None) -> None:
    if version_check is not None and version_check != uuid_text(current.current.id):
        raise VersionConflict


def _after(current: ObjectRecord, moment: Moment) -> int:
    """Return the time of a write: the store's time, but always later than the previous write."""
    return max(moment.now, current.updated_at + 1)


def _author(caller: Caller) -> Author:
    return Author(caller.principal.subject, caller.principal.name)
