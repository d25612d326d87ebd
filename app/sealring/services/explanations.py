"""Explanations: why an object cannot be read, which of its keys is to blame, and who has to act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sealring.domain.binding import Binding
from sealring.domain.envelope import Combine
from sealring.domain.events import Action
from sealring.domain.ports import AuditLog, ObjectStore
from sealring.domain.principal import Caller, Permission
from sealring.domain.record import ObjectRecord
from sealring.errors import IntegrityFailure, KeyFailure
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring
from sealring.services.visibility import attested, event_of, live_object, refusals_audited


@dataclass(frozen=True, slots=True)
class KeyReport:
    """One KEK of an object, asked now. `failure`: what kept it shut; None: it opens its wrap."""

    kek_id: bytes
    provider: str
    binding: Binding | None  # None: managed by us
    failure: KeyFailure | IntegrityFailure | None


@dataclass(frozen=True, slots=True)
class Explanation:
    record: ObjectRecord
    keys: Sequence[KeyReport]

    @property
    def readable(self) -> bool:
        needed = any if self.record.current.envelope.header.combine is Combine.ANY else all
        return needed(report.failure is None for report in self.keys)


class Explanations:
    """The one use case of explanations. Thread-safe."""

    def __init__(self, store: ObjectStore, keyring: Keyring, bound: Decisions, audit: AuditLog) -> None:
        self._store = store
        self._keyring = keyring
        self._bound = bound
        self._audit = audit

    def explain(self, caller: Caller, text_id: str) -> Explanation:
        """Try each key of a live object by itself, by the bindings as they are now. The value stays shut.

        Raises NotFound.
        """
        caller.principal.require(Permission.OBJECTS_READ)
        with refusals_audited(self._audit, caller, text_id):
            record = live_object(self._store, caller, text_id)
            record, _ = attested(
                self._store, record, caller, lambda found: event_of(Action.OBJECT_EXPLAINED, found, caller)
            )
            envelope = record.current.envelope
            decision = self._bound.renewed(record.environment, record.org)
            failures = self._keyring.probe(envelope.header, envelope.wraps, record.context, caller, decision)
            reports = [
                KeyReport(wrap.kek_id, wrap.provider, decision.of_kek(wrap.kek_id), failure)
                for wrap, failure in zip(envelope.wraps, failures, strict=True)
            ]
            return Explanation(record, reports)
