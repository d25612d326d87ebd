"""Turns: the order in which work of many organizations is done, so that nobody waits for all that another one has."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition

from sealring.domain.ids import EnvironmentId, OrgId

Owner = tuple[EnvironmentId, OrgId]


@dataclass(slots=True)
class Turn:
    """That an organization's keys are to be asked, if they were not for so long; and which were, in this turn."""

    owner: Owner
    older_than_s: int
    until: float  # in seconds of the clock: what is left then is left for the next turn
    asked: set[bytes] = field(default_factory=set)


class Turns:
    """Organizations in a ring: each comes once around, and never twice at the same time. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: OrderedDict[Owner, Turn] = OrderedDict()
        self._under_way: set[Owner] = set()
        self._changed = Condition()

    def add(self, owner: Owner, *, older_than_s: int, within_s: float) -> None:
        """Put an organization at the end, or let it stay where it is; of two turns the one that asks more counts."""
        with self._changed:
            waiting = self._waiting.get(owner)
            if waiting is None or waiting.older_than_s > older_than_s:
                self._waiting[owner] = Turn(owner, older_than_s, self._clock() + within_s)
                self._changed.notify()

    def begin(self, wait_s: float) -> Turn | None:
        """Return the turn of whoever waits longest, if there is one within that time; `end` must follow."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() is not None, wait_s)
            owner = self._next()
            if owner is None:
                return None
            self._under_way.add(owner)
            return self._waiting.pop(owner)

    def end(self, turn: Turn, *, more: bool) -> None:
        """Put the organization at the end where there is more to ask, and time for it."""
        with self._changed:
            self._under_way.discard(turn.owner)
            if more and self._clock() < turn.until:
                self._waiting.setdefault(turn.owner, turn)
            self._changed.notify()

    def drop(self, older_than_s: int) -> None:
        """Leave the turns of that kind to somebody else."""
        with self._changed:
            for turn in [each for each in self._waiting.values() if each.older_than_s == older_than_s]:
                del self._waiting[turn.owner]

    def _next(self) -> Owner | None:
        return next((owner for owner in self._waiting if owner not in self._under_way), None)
