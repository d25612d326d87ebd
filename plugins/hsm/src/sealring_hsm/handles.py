"""An LRU cache for handles of loaded KEKs, for at most five minutes each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from sealring_plugin import ManagedKey

CACHED_KEKS = 1000  # about 12 KB each in SoftHSM
CACHED_KEKS_TTL_S = 300.0


class _Loaded:
    __slots__ = ("dropped", "handle", "loaded_at", "users")

    def __init__(self, handle: int, loaded_at: float) -> None:
        self.handle = handle
        self.loaded_at = loaded_at
        self.users = 0
        self.dropped = False


class Handles:
    """A cache that destroys a dropped handle when its last user is done. Thread-safe."""

    def __init__(
        self,
        *,
        size: int = CACHED_KEKS,
        ttl_s: float = CACHED_KEKS_TTL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size = size
        self._ttl_s = ttl_s
        self._clock = clock
        self._loaded: OrderedDict[ManagedKey, _Loaded] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._loaded)

    @contextmanager
    def using(self, key: ManagedKey, load: Callable[[], int], destroy: Callable[[int], None]) -> Iterator[int]:
        """Yield the handle of a key, and load the key if it is not cached or too old."""
        entry = self._taken(key, destroy) or self._added(key, _Loaded(load(), self._clock()), destroy)
        try:
            yield entry.handle
        finally:
            self._given_back(entry, destroy)

    def _taken(self, key: ManagedKey, destroy: Callable[[int], None]) -> _Loaded | None:
        stale: list[_Loaded] = []
        with self._lock:
            entry = self._loaded.get(key)
            if entry is not None and self._clock() - entry.loaded_at >= self._ttl_s:
                stale = self._drop(self._loaded.pop(key))
                entry = None
            if entry is not None:
                self._loaded.move_to_end(key)
                entry.users += 1
        _destroy_all(stale, destroy)
        return entry

    def _added(self, key: ManagedKey, entry: _Loaded, destroy: Callable[[int], None]) -> _Loaded:
        stale: list[_Loaded] = []
        with self._lock:
            entry.users += 1
            if key in self._loaded:  # another thread loaded it at the same time
                stale += self._drop(self._loaded.pop(key))
            self._loaded[key] = entry
            while len(self._loaded) > self._size:
                stale += self._drop(self._loaded.popitem(last=False)[1])
        _destroy_all(stale, destroy)
        return entry

    def _given_back(self, entry: _Loaded, destroy: Callable[[int], None]) -> None:
        with self._lock:
            entry.users -= 1
            last = entry.dropped and entry.users == 0
        if last:
            destroy(entry.handle)

    def _drop(self, entry: _Loaded) -> list[_Loaded]:
        entry.dropped = True
        return [entry] if entry.users == 0 else []


def _destroy_all(entries: list[_Loaded], destroy: Callable[[int], None]) -> None:
    for entry in entries:
        destroy(entry.handle)
