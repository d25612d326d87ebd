"""A cache of unwrapped data keys: only for bindings that allow it, only as long as they allow."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from sealring.domain.envelope import Wrap
from sealring.observability import metrics

SIZE = 1000  # entries in one process

_Place = bytes

_HIT, _MISS = (metrics.CACHE.of(cache="opened_keys", outcome=outcome) for outcome in ("hit", "miss"))


class OpenedKeys:
    """Thread-safe. Wipes the keys that it drops; returns copies, which the caller has to wipe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[_Place, tuple[float, bytes, bytearray]] = OrderedDict()
        self._lock = Lock()

    def get(self, wrap: Wrap, aad: bytes) -> bytearray | None:
        found = self._found(wrap, aad)
        (_MISS if found is None else _HIT).add()
        return found

    def _found(self, wrap: Wrap, aad: bytes) -> bytearray | None:
        place = _place(wrap, aad)
        with self._lock:
            entry = self._entries.get(place)
            if entry is None:
                return None
            if entry[0] <= self._clock():
                _wipe(self._entries.pop(place)[2])
                return None
            return bytearray(entry[2])

    def put(self, wrap: Wrap, aad: bytes, dek: bytearray, seconds: int) -> None:
        place = _place(wrap, aad)
        with self._lock:
            if place in self._entries:  # its time counts from the last call of the key
                return
            self._entries[place] = (self._clock() + seconds, wrap.kek_id, bytearray(dek))
            if len(self._entries) > SIZE:
                _wipe(self._entries.popitem(last=False)[1][2])

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            while self._entries:
                _wipe(self._entries.popitem()[1][2])

    def forget(self, kek_id: bytes) -> None:
        """Drop the data keys of one KEK: a call of the KEK failed."""
        with self._lock:
            for place in [place for place, entry in self._entries.items() if entry[1] == kek_id]:
                _wipe(self._entries.pop(place)[2])


def _place(wrap: Wrap, aad: bytes) -> _Place:
    return hashlib.sha256(wrap.kek_id + wrap.kek_version.to_bytes(4, "big") + aad + wrap.blob).digest()


def _wipe(secret: bytearray) -> None:
    secret[:] = bytes(len(secret))
