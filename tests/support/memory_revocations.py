"""Revocations in memory: the same promises as those of the real store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock

from sealring.domain.clock import now_us
from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId
from sealring.domain.ports import AuditLog, RevocationChange
from sealring.domain.revocation import Revocation
from sealring.errors import IntegrityFailure


class MemoryRevocations:
    """A RevocationStore. Thread-safe."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._lists: dict[EnvironmentId, tuple[Revocation, ...]] = {}
        self._lock = RLock()

    def begin(self, environment: EnvironmentId, event: Event) -> bool:
        with self._lock:
            if environment in self._lists:
                return False
            self._audit.append(event)
            self._lists[environment] = ()
            return True

    def load(self, environment: EnvironmentId) -> Sequence[Revocation]:
        found = self._lists.get(environment)
        if found is None:
            raise IntegrityFailure("no list of revocations")
        return found

    def change(
        self, environment: EnvironmentId, decide: Callable[[Sequence[Revocation], int], RevocationChange]
    ) -> Revocation:
        with self._lock:
            change = decide(self.load(environment), now_us())
            self._audit.append(change.event)
            self._lists[environment] = (change.made, *change.others)
            return change.made
