"""A small cache of recently used entries."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps the `size` last used entries, each for at most `ttl_s`. Thread-safe."""

    def __init__(self, *, size: int, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._ttl_s = ttl_s
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._cleared = 0
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[0] < self._clock():
                return None
            self._entries.move_to_end(key)
            return entry[1]

    def recall(self, key: K, read: Callable[[], V]) -> V:
        """Return the entry, else what `read` returns, kept only if nothing was cleared while it was read."""
        cleared = self._cleared
        value = self.get(key)
        if value is None:
            value = read()
            with self._lock:
                if cleared == self._cleared:
                    self._put(key, value)
        return value

    def renew(self, key: K, change: Callable[[V], V]) -> V | None:
        """Change an existing entry, keep its age, and return it; None if there is none."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[0] < self._clock():
                return None
            self._entries[key] = (entry[0], change(entry[1]))
            return self._entries[key][1]

    def items(self) -> Sequence[tuple[K, V]]:
        """Return what is kept, the least recently used first."""
        with self._lock:
            now = self._clock()
            return [(key, value) for key, (until, value) in self._entries.items() if until >= now]

    def clear(self) -> None:
        with self._lock:
            self._cleared += 1
            self._entries.clear()

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._put(key, value)

    def _put(self, key: K, value: V) -> None:
        self._entries[key] = (self._clock() + self._ttl_s, value)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
