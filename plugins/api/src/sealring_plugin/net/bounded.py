"""The most recently used of what is made on demand."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from sealring_plugin.net.per_process import PerProcess

MOST = 256

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """At most 256 values, each made once for its key; the one that nobody used for longest goes first.

    Thread-safe; fork-safe. `make` runs under a lock, so it must wait for nothing.
    """

    def __init__(self) -> None:
        self._kept: PerProcess[_Kept[K, V]] = PerProcess(_Kept)

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key; raises what `make` raises."""
        return self._kept.get().get(key, make)

    def __len__(self) -> int:
        return len(self._kept.get().values)


class _Kept(Generic[K, V]):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        with self._lock:
            if key not in self.values:
                self.values[key] = make()
                if len(self.values) > MOST:
                    self.values.popitem(last=False)
            self.values.move_to_end(key)
            return self.values[key]
