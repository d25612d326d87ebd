"""The bulkhead: how much of a worker one organization may keep waiting for keys, whatever for and for however many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, local

from sealring.errors import KeyThrottled

MIN_THREADS = 2  # with fewer there is nothing to share
MAX_CALLS = 128  # of one process, in calls of providers: half of them are four requests under sixteen keys each

Owner = tuple[str, str]  # environment and organization; both are empty for what is nobody's


class Shares:
    """Places that owners divide between them: none takes more than it leaves free. Thread-safe.

    One alone gets half of them, two that take what they can get a third each, and n of them an (n+1)th: a fixed share
    would be spent by so many owners, and would keep one that is alone from what nobody needs.
    """

    def __init__(self, places: int) -> None:
        self._lock = Lock()
        self._free = places
        self._taken: dict[Owner, int] = {}

    def take(self, owner: Owner, wanted: int = 1) -> bool:
        """Take all that are wanted, or none."""
        with self._lock:
            taken = self._taken.get(owner, 0) + wanted
            if taken > self._free - wanted:
                return False
            self._taken[owner] = taken
            self._free -= wanted
            return True

    def give_back(self, owner: Owner) -> None:
        """Give one back."""
        with self._lock:
            self._free += 1
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]


class _Thread(local):
    has_place = False


class Bulkhead:
    """Counts requests that wait and calls that run, each by its owner. Thread-safe.

    A request waits in one thread of the worker, however many keys it needs at the same time: so its thread is what it
    takes from the others, and is counted once. Its calls run in threads of their own, some for longer than anybody
    waits for them, and are counted until they return.
    """

    def __init__(self, threads: int) -> None:
        """`threads`: how many requests the worker can serve at once."""
        self._requests = Shares(max(threads, MIN_THREADS))
        self._calls = Shares(MAX_CALLS)
        self._thread = _Thread()

    @contextmanager
    def place(self, owner: Owner) -> Iterator[None]:
        """Let this thread wait for keys; one that may already needs no second place. Raises KeyThrottled."""
        if self._thread.has_place:
            yield
            return
        if not self._requests.take(owner):
            raise KeyThrottled(
                "Too many requests of this organization wait for their keys. Try again later.", "operator"
            )
        try:
            with self.beside_requests():
                yield
        finally:
            self._requests.give_back(owner)

    @contextmanager
    def beside_requests(self) -> Iterator[None]:
        """Let this thread wait for keys without a place: it is none of those that serve requests."""
        self._thread.has_place = True
        try:
            yield
        finally:
            self._thread.has_place = False

    def enter(self, owner: Owner, calls: int) -> None:
        """Let calls begin; `leave` must follow for each. Raises KeyThrottled."""
        if not self._calls.take(owner, calls):
            raise KeyThrottled(
                "Too many calls to keys of this organization have not returned. Try again later.", "operator"
            )

    def leave(self, owner: Owner) -> None:
        """A call ended, however late."""
        self._calls.give_back(owner)
