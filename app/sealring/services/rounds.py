"""Rounds: the keys of customers are asked again, each ten minutes, and soon after one has failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from sealring.domain.binding import Binding
from sealring.domain.events import Origin
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.ports import BindingStore
from sealring.errors import StateError, StoreError
from sealring.services.bindings import Bindings

EVERY_S = 600
SOON_S = 10  # not oftener, for an organization whose key goes on failing

_Owner = tuple[EnvironmentId, OrgId]


class Alarms:
    """The organizations whose own keys failed lately. Thread-safe; raising one costs microseconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._raised: dict[_Owner, None] = {}
        self._last: dict[_Owner, float] = {}
        self._lock = Lock()

    def raise_for(self, environment: EnvironmentId, org: OrgId) -> None:
        owner = (environment, org)
        with self._lock:
            if self._clock() - self._last.get(owner, float("-inf")) >= SOON_S:
                self._raised[owner] = None

    def take(self) -> list[_Owner]:
        """Return those that were raised since the last time."""
        with self._lock:
            taken, self._raised = list(self._raised), {}
            now = self._clock()
            self._last = {owner: at for owner, at in self._last.items() if now - at < SOON_S}
            self._last |= dict.fromkeys(taken, now)
            return taken


class Rounds:
    """Verifies bindings that guard. Several processes may do so at once."""

    def __init__(self, store: BindingStore, bindings: Bindings, alarms: Alarms) -> None:
        self._store = store
        self._bindings = bindings
        self._alarms = alarms

    def answer_alarms(self) -> None:
        """Ask the keys of which somebody complained in this process. Raises StoreError."""
        for environment, org in self._alarms.take():
            self._verify(environment, org, older_than_s=SOON_S)

    def go(self, partitions: int) -> None:
        """Ask all keys that were not asked for ten minutes. Raises StoreError."""
        for partition in range(partitions):
            for environment, org in self._store.owners(partition):
                self._verify(environment, org, older_than_s=EVERY_S)

    def _verify(self, environment: EnvironmentId, org: OrgId, *, older_than_s: int) -> None:
        for binding in self._store.load(environment, org).bindings:
            if binding.guards and _is_due(binding, older_than_s):
                self._ask(binding)

    def _ask(self, binding: Binding) -> None:
        try:
            self._bindings.verified(binding, Origin("sealring", "rounds", "rounds"))
        except StoreError:
            raise
        except StateError:  # it went away meanwhile, or is damaged: whoever reads it next is told
            return


def _is_due(binding: Binding, older_than_s: int) -> bool:
    verification = binding.verification
    return verification is None or time.time() - verification.checked_at / 1e6 >= older_than_s
