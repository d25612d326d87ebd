"""A fair queue: organizations take turns, so that none has to wait for all the work of another."""

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
    """An organization's turn: a check of one of its keys that were not checked for `older_than_s`."""

    owner: Owner
    older_than_s: int
    until: float  # in seconds of the clock; the next turn checks the rest
    checked: set[bytes] = field(default_factory=set)  # ids of the bindings that this turn has checked


class FairQueue:
    """A queue that holds each organization at most once, and begins none twice at the same time. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: OrderedDict[Owner, Turn] = OrderedDict()
        self._under_way: set[Owner] = set()
        self._changed = Condition()

    def add(self, owner: Owner, *, older_than_s: int, within_s: float) -> None:
        """Queue an organization if it is not queued yet. Of two turns, the one with the smaller age stays."""
        with self._changed:
            waiting = self._waiting.get(owner)
            if waiting is None or waiting.older_than_s > older_than_s:
                self._waiting[owner] = Turn(owner, older_than_s, self._clock() + within_s)
                self._changed.notify()

    def begin(self, wait_s: float) -> Turn | None:
        """Return the turn that waits longest, or None if there is none within `wait_s`. Call `end` after the work."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() is not None, wait_s)
            owner = self._next()
            if owner is None:
                return None
            self._under_way.add(owner)
            return self._waiting.pop(owner)

    def end(self, turn: Turn, *, more: bool) -> None:
        """Queue the organization again if more of its keys are due and its time is not over."""
        with self._changed:
            self._under_way.discard(turn.owner)
            if more and self._clock() < turn.until:
                self._waiting.setdefault(turn.owner, turn)
            self._changed.notify()

    def drop(self, older_than_s: int) -> None:
        """Drop the turns with that age."""
        with self._changed:
            for turn in [each for each in self._waiting.values() if each.older_than_s == older_than_s]:
                del self._waiting[turn.owner]

    def _next(self) -> Owner | None:
        return next((owner for owner in self._waiting if owner not in self._under_way), None)
