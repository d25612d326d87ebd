"""Health checks of customers' keys: every ten minutes, and soon after a request saw a key fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock

from sealring.domain.binding import Binding
from sealring.domain.binding_ports import BindingStore
from sealring.domain.events import Origin
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.errors import IntegrityFailure, StateError
from sealring.services.bindings import Bindings
from sealring.services.fair_queue import FairQueue, Owner, Turn

EVERY_S = 600
SOON_S = 10  # shortest time between two checks for an organization whose keys fail in requests

_ORIGIN = Origin("sealring", "health-checks", "health-checks")


class FailedKeys:
    """Organizations whose own keys failed in a request. Thread-safe; `note` takes microseconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._noted: dict[Owner, None] = {}
        self._last: dict[Owner, float] = {}
        self._lock = Lock()

    def note(self, environment: EnvironmentId, org: OrgId) -> None:
        owner = (environment, org)
        with self._lock:
            if self._clock() - self._last.get(owner, float("-inf")) >= SOON_S:
                self._noted[owner] = None

    def take(self) -> list[Owner]:
        """Return the organizations noted since the last call."""
        with self._lock:
            taken, self._noted = list(self._noted), {}
            now = self._clock()
            self._last = {owner: at for owner, at in self._last.items() if now - at < SOON_S}
            self._last |= dict.fromkeys(taken, now)
            return taken


class HealthChecks:
    """Verifies active bindings, one key of each organization in turn. Thread-safe; several processes may do it at once.

    If an organization has a thousand keys that do not answer, only its own checks are late.
    """

    def __init__(self, store: BindingStore, bindings: Bindings, failed_keys: FailedKeys) -> None:
        self._store = store
        self._bindings = bindings
        self._failed_keys = failed_keys
        self._queue = FairQueue()

    def enqueue_failed(self) -> None:
        """Queue the organizations whose keys failed in this process."""
        for owner in self._failed_keys.take():
            self._queue.add(owner, older_than_s=SOON_S, within_s=EVERY_S)

    def begin(self, partitions: int) -> int:
        """Queue every organization, to check its keys that were not checked for ten minutes. Raises StoreError.

        Return the number of partitions skipped because their list of organizations cannot be read.
        """
        damaged = 0
        for partition in range(partitions):
            try:
                owners = self._store.owners(partition)
            except IntegrityFailure:
                damaged += 1
                continue
            for owner in owners:
                self._queue.add(owner, older_than_s=EVERY_S, within_s=EVERY_S)
        return damaged

    def cancel(self) -> None:
        """Drop what `begin` queued: another process checks now."""
        self._queue.drop(EVERY_S)

    def check_next(self, wait_s: float = 0) -> bool:
        """Check one key of the next organization; False if none was due within `wait_s`. Raises StoreError."""
        turn = self._queue.begin(wait_s)
        if turn is None:
            return False
        more = False
        try:
            more = self._check_one(turn)
        finally:
            self._queue.end(turn, more=more)
        return True

    def _check_one(self, turn: Turn) -> bool:
        """Check the key whose last check is the oldest; return whether others are due."""
        due: Sequence[Binding] = ()
        with suppress(StateError):  # the binding was deleted or is damaged: the next request that reads it says so
            due = self._due(turn)
            if due:
                turn.checked.add(due[0].id)
                self._bindings.verified(due[0], _ORIGIN)
        return len(due) > 1

    def _due(self, turn: Turn) -> Sequence[Binding]:
        found = self._store.load(*turn.owner).bindings
        due = [
            each for each in found if each.guards and each.id not in turn.checked and _is_due(each, turn.older_than_s)
        ]
        return sorted(due, key=_checked_at)


def _checked_at(binding: Binding) -> int:
    return 0 if binding.verification is None else binding.verification.checked_at


def _is_due(binding: Binding, older_than_s: int) -> bool:
    return time.time() - _checked_at(binding) / 1e6 >= older_than_s
