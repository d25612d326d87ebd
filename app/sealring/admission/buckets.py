"""Token buckets, many at a time, in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Lock

BURST_S = 2.0  # a full bucket holds the requests of so many seconds, and at least one
MAX_KEYS = 8_192  # with a bucket of their own, new in a generation; about 200 bytes each
SHARED = 256  # buckets for all further keys

_ROUNDING_S = 1e-6

Clock = Callable[[], float]


class Buckets:
    """A bucket for each key, whatever its rate. Thread-safe.

    A bucket is stored as the time at which it is full again, so that nothing has to fill it (GCRA, ITU-T I.371). A full
    one needs no storage: buckets that were not used for as long as filling takes are dropped, a generation at a time,
    which changes no answer. If too many are in use, new keys share buckets, chosen by a hash that Python keys anew in
    each process. So whoever makes up keys cannot refill a bucket, and cannot choose whose bucket is emptied.
    """

    def __init__(self, slowest: float, clock: Clock = time.monotonic) -> None:
        """`slowest` is the lowest rate that will be asked for, in requests per second; `clock` gives seconds."""
        self._period = max(BURST_S, 1 / slowest)
        self._clock = clock
        self._lock = Lock()
        self._full_at: dict[Hashable, float] = {}
        self._earlier: dict[Hashable, float] = {}
        self._owing: dict[Hashable, float] = {}  # those that a generation is too short for
        self._turned_at = clock()

    def take(self, key: Hashable, rate: float) -> float:
        """Take one request from the bucket of `key`, and return 0; or take nothing, and return the seconds to wait."""
        now, each = self._clock(), 1 / rate
        with self._lock:
            key, full_at = self._found(key, now)
            full_at = (full_at if full_at > now else now) + each  # noqa: FURB136  max() takes three times as long
            wait = full_at - now - (each if each > BURST_S else BURST_S)  # noqa: FURB136
            if wait > _ROUNDING_S:
                return wait
            self._full_at[key] = full_at
            return 0.0

    def take_more(self, key: Hashable, rate: float, count: int) -> float:
        """Take `count` requests for one that has taken one already, and return 0; or the seconds to wait.

        It takes more than a full bucket has left, if the bucket is full but for that one. Then the bucket owes them,
        and is full again as much later.
        """
        now, each = self._clock(), 1 / rate
        with self._lock:
            key, full_at = self._found(key, now)
            full_at = max(full_at, now)
            wait = full_at - now + min(count * each, max(BURST_S - each, 0.0)) - max(each, BURST_S)
            if wait > _ROUNDING_S:
                return wait
            self._full_at[key] = full_at = full_at + count * each
            if full_at - now > self._period:
                self._owing[key] = full_at
            return 0.0

    def __len__(self) -> int:
        return len(self._full_at) + len(self._earlier)

    def _turn(self, now: float) -> None:
        """Begin a generation: what was not used in the one before, and owes nothing, is full by now."""
        self._owing = {key: full_at for key, full_at in self._owing.items() if full_at > now}
        self._earlier = self._owing | (self._full_at if now - self._turned_at < 2 * self._period else {})
        self._full_at = {}
        self._turned_at = now

    def _found(self, key: Hashable, now: float) -> tuple[Hashable, float]:
        """Return the key to use, and when its bucket is full."""
        if now - self._turned_at >= self._period:
            self._turn(now)
        full_at = self._full_at.get(key)
        return self._of_earlier(key) if full_at is None else (key, full_at)

    def _of_earlier(self, key: Hashable) -> tuple[Hashable, float]:
        full_at = self._earlier.get(key)
        if full_at is None and len(self) >= 2 * MAX_KEYS:
            key = hash(key) % SHARED
            full_at = self._full_at.get(key, self._earlier.get(key))
        return key, 0.0 if full_at is None else full_at


def quota_of(rate: float) -> tuple[int, int]:
    """Return how many requests a full bucket admits, and in how many whole seconds it fills."""
    window_s = max(BURST_S, 1 / rate)
    return max(1, int(rate * BURST_S)), -int(-window_s // 1)
