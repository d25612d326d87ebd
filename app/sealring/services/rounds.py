"""Rounds: the keys of customers are asked again, each ten minutes, and soon after one has failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock

from sealring.domain.binding import Binding
from sealring.domain.events import Origin
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.ports import BindingStore
from sealring.errors import IntegrityFailure, StateError
from sealring.services.bindings import Bindings
from sealring.services.turns import Owner, Turn, Turns

EVERY_S = 600
SOON_S = 10  # not oftener, for an organization whose key goes on failing

_ORIGIN = Origin("sealring", "rounds", "rounds")


class Alarms:
    """The organizations whose own keys failed lately. Thread-safe; raising one costs microseconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._raised: dict[Owner, None] = {}
        self._last: dict[Owner, float] = {}
        self._lock = Lock()

    def raise_for(self, environment: EnvironmentId, org: OrgId) -> None:
        owner = (environment, org)
        with self._lock:
            if self._clock() - self._last.get(owner, float("-inf")) >= SOON_S:
                self._raised[owner] = None

    def take(self) -> list[Owner]:
        """Return those that were raised since the last time."""
        with self._lock:
            taken, self._raised = list(self._raised), {}
            now = self._clock()
            self._last = {owner: at for owner, at in self._last.items() if now - at < SOON_S}
            self._last |= dict.fromkeys(taken, now)
            return taken


class Rounds:
    """Verifies bindings that guard: a key of each organization in turn. Thread-safe; processes may do so at once.

    So an organization of a thousand keys that do not answer waits for them, and no other one does.
    """

    def __init__(self, store: BindingStore, bindings: Bindings, alarms: Alarms) -> None:
        self._store = store
        self._bindings = bindings
        self._alarms = alarms
        self._turns = Turns()

    def answer_alarms(self) -> None:
        """Give a turn to those of whose keys somebody complained in this process."""
        for owner in self._alarms.take():
            self._turns.add(owner, older_than_s=SOON_S, within_s=EVERY_S)

    def begin(self, partitions: int) -> int:
        """Give a turn to all whose keys were not asked for ten minutes. Raises StoreError.

        Return how many partitions were left out, since it cannot be read who has bindings there.
        """
        damaged = 0
        for partition in range(partitions):
            try:
                owners = self._store.owners(partition)
            except IntegrityFailure:
                damaged += 1
                continue
            for owner in owners:
                self._turns.add(owner, older_than_s=EVERY_S, within_s=EVERY_S)
        return damaged

    def stand_down(self) -> None:
        """Leave the keys of all to another process."""
        self._turns.drop(EVERY_S)

    def take_turn(self, wait_s: float = 0) -> bool:
        """Ask one key, of whoever is next; False where nobody was in that time. Raises StoreError."""
        turn = self._turns.begin(wait_s)
        if turn is None:
            return False
        more = False
        try:
            more = self._ask_one(turn)
        finally:
            self._turns.end(turn, more=more)
        return True

    def _ask_one(self, turn: Turn) -> bool:
        """Ask the key that was asked longest ago; say whether others are due."""
        due: Sequence[Binding] = ()
        with suppress(StateError):  # it went away meanwhile, or is damaged: whoever reads it next is told
            due = self._due(turn)
            if due:
                turn.asked.add(due[0].id)
                self._bindings.verified(due[0], _ORIGIN)
        return len(due) > 1

    def _due(self, turn: Turn) -> Sequence[Binding]:
        found = self._store.load(*turn.owner).bindings
        due = [each for each in found if each.guards and each.id not in turn.asked and _is_due(each, turn.older_than_s)]
        return sorted(due, key=_asked_at)


def _asked_at(binding: Binding) -> int:
    return 0 if binding.verification is None else binding.verification.checked_at


def _is_due(binding: Binding, older_than_s: int) -> bool:
    return time.time() - _asked_at(binding) / 1e6 >= older_than_s
