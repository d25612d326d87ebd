"""What each process makes for itself, so that nothing made before a fork is used after it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """A value of the process that asks. Thread-safe.

    After a fork, a lock that another thread held is never released, and a connection that two processes use is garbled.
    So a child makes a value of its own; `discard` closes what it inherited, and may take no lock of it.
    """

    def __init__(self, make: Callable[[], T], discard: Callable[[T], object] = lambda _: None) -> None:
        self._make = make
        self._discard = discard
        self._made: dict[int, T] = {}

    def get(self) -> T:
        pid = os.getpid()
        if pid in self._made:
            return self._made[pid]
        for other in [each for each in list(self._made) if each != pid]:
            inherited = self._made.pop(other, None)  # another thread may be here too
            if inherited is not None:
                self._discard(inherited)
        return self._made.setdefault(pid, self._make())
