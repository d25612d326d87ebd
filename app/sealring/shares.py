"""Places shared by owners: however many one of them asks for, another finds some free."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock


class Shares:
    """Places shared by owners: no owner may hold more places than are free. Thread-safe.

    A single owner gets half of the places, two busy owners get a third each, and n of them get 1/(n+1) each. With fixed
    shares, a few owners could take all places, and a single owner could not use places that nobody needs.
    """

    def __init__(self, places: int) -> None:
        """`places`: at least two, or nobody gets one."""
        self._lock = Lock()
        self._free = places
        self._taken: dict[Hashable, int] = {}

    def take(self, owner: Hashable, wanted: int = 1) -> bool:
        """Take all the wanted places, or none; return whether they were taken."""
        with self._lock:
            taken = self._taken.get(owner, 0) + wanted
            if taken > self._free - wanted:
                return False
            self._taken[owner] = taken
            self._free -= wanted
            return True

    def give_back(self, owner: Hashable) -> None:
        """Give one place back."""
        with self._lock:
            self._free += 1
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
