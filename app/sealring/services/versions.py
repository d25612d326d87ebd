"""Versions: the current and earlier values of an object."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sealring.domain.events import Action, Event
from sealring.domain.ids import parse_uuid
from sealring.domain.ports import AuditLog, ObjectStore
from sealring.domain.principal import Caller, Permission
from sealring.domain.record import ObjectRecord, Version, VersionSummary
from sealring.errors import NotFound
from sealring.services.objects import OpenedObject
from sealring.services.sealing import Sealing
from sealring.services.visibility import attested, event_of, live_object, object_id, refusals_audited, visible


class Versions:
    """The use cases of an object's versions. Thread-safe."""

    def __init__(self, store: ObjectStore, sealing: Sealing, audit: AuditLog) -> None:
        self._store = store
        self._sealing = sealing
        self._audit = audit

    def list(self, caller: Caller, text_id: str) -> Sequence[VersionSummary]:
        """Return all versions, the current one first. Touches no key. Raises NotFound."""
        caller.principal.require(Permission.OBJECTS_READ)
        with refusals_audited(self._audit, caller, text_id):
            record, versions = self._store.history(
                object_id(text_id, caller, self._store.home), lambda found: visible(found, caller)
            )
            self._audit.append(event_of(Action.VERSIONS_LISTED, record, caller))
            return versions

    def read(self, caller: Caller, text_id: str, version_id: str) -> OpenedObject:
        """Return the object as it was in one version. Raises NotFound; KeyFailure."""
        caller.principal.require(Permission.OBJECTS_READ)
        with refusals_audited(self._audit, caller, text_id):
            record = live_object(self._store, caller, text_id)
            raw_id = parse_uuid(version_id)
            version = None if raw_id is None else self._store.version(record, raw_id)
            if version is None:
                raise NotFound("Version")
            return self._open(caller, record, version)

    def _open(self, caller: Caller, record: ObjectRecord, version: Version) -> OpenedObject:
        """Open a version, if its object is still live when the event of the read is stored."""

        def then(present: ObjectRecord) -> ObjectRecord:
            return present.as_of(version, version.created_at)

        def event(caller: Caller, present: ObjectRecord) -> Event:
            return event_of(Action.OBJECT_READ, then(present), caller)

        decision = self._sealing.decision(version.envelope)
        while True:
            value, decision = self._sealing.open(version.envelope, record.context, caller, decision)
            record, epoch = attested(self._store, record, caller, partial(event, caller))
            if decision.holds_at(epoch):
                return OpenedObject(then(record), value.decode(), decision)
            caller = caller.again()
            decision = self._sealing.renewed(decision)
