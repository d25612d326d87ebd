"""Pauses after calls without an answer, one for each tenant: no failure of one tenant's calls stops another's.

A cluster has no pause of its own. Who has accounts in several tenants could cause it for all others, and it is not
needed: of a cluster that does not answer, each tenant asks less often than it renews its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

PAUSE_S = 2.0
MIN_WANTED_S, MAX_WANTED_S = 1.0, 4.0  # an answer that is due for renewal counts for 5 s more


@dataclass(frozen=True, slots=True)
class _Pause:
    until: float
    wanted: bool  # by the peer: no answer to another call ends it


class Pauses:
    """Who has to wait before the next call. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._lock = Lock()
        self._pauses: dict[Hashable, _Pause] = {}

    def holds(self, owner: Hashable) -> bool:
        with self._lock:
            return self._current(owner) is not None

    def failed(self, owner: Hashable, wanted_s: float | None = None) -> None:
        """Begin a pause after a call without an answer. `wanted_s`: how long a peer wants that asks for fewer calls."""
        wanted = wanted_s is not None
        length_s = PAUSE_S if wanted_s is None else min(max(wanted_s, MIN_WANTED_S), MAX_WANTED_S)
        with self._lock:
            current = self._current(owner)
            if current is None or wanted or not current.wanted:
                self._pauses[owner] = _Pause(self._clock() + length_s, wanted)

    def answered(self, owner: Hashable) -> None:
        """End the pause of a tenant whose calls are answered, unless the peer wanted it."""
        with self._lock:
            current = self._current(owner)
            if current is not None and not current.wanted:
                del self._pauses[owner]

    def _current(self, owner: Hashable) -> _Pause | None:
        pause = self._pauses.get(owner)
        if pause is not None and self._clock() >= pause.until:
            del self._pauses[owner]
            return None
        return pause
