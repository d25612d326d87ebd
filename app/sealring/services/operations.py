"""Operations: the outcome of writes that a client named with an Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sealring.domain.idempotency import IdempotentOutcome
from sealring.domain.ports import IdempotencyLog, ObjectStore
from sealring.domain.principal import Caller, Permission


class Progress(StrEnum):
    COMMITTED = "committed"
    RUNNING = "running"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class IdempotentOperation:
    """The newest write of a name. `outcome` is None unless the write is committed."""

    progress: Progress
    outcome: IdempotentOutcome | None = None


class Operations:
    """The one use case of operations. Thread-safe."""

    def __init__(self, idempotency: IdempotencyLog, store: ObjectStore) -> None:
        self._intents = idempotency
        self._store = store

    def find(self, caller: Caller, name: str) -> IdempotentOperation:
        """Return the state of the caller's own write with that name, in the organizations of the token."""
        principal = caller.principal
        principal.require(Permission.OBJECTS_READ)
        orgs = None if principal.everywhere else principal.organizations
        found = self._intents.find(principal.environment, principal.actor, name, orgs)
        mine = [each for each in found if principal.may_see(principal.environment, each.org)]
        committed = [each for each in mine if each.committed]
        if committed:
            return IdempotentOperation(Progress.COMMITTED, max(committed, key=lambda each: each.started_at))
        now = self._store.now()
        return IdempotentOperation(Progress.RUNNING if any(each.runs(now) for each in found) else Progress.NOT_FOUND)
