"""The bulkhead: limits how much of a worker one organization can occupy while it waits for keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sealring.errors import KeyThrottled
from sealring.shares import Shares

MIN_THREADS = 2  # fewer cannot be shared
MAX_CALLS = 128  # calls of providers in one process: half of them are four requests with sixteen keys each

Owner = tuple[str, str]  # environment and organization; both are empty for the server's own calls

_HAS_PLACE = ContextVar("has_place", default=False)  # each thread and each fiber has its own


class Bulkhead:
    """Counts waiting requests and running calls by owner. Thread-safe.

    A request is counted once, however many keys it needs at the same time. Its calls run in their own threads,
    sometimes longer than the request waits, and are counted until they return.
    """

    def __init__(self, threads: int) -> None:
        """`threads`: the number of requests that the worker can serve at once."""
        self._requests = Shares(max(threads, MIN_THREADS))
        self._calls = Shares(MAX_CALLS)

    @contextmanager
    def place(self, owner: Owner) -> Iterator[None]:
        """Let the caller wait for keys; if it already has a place, it needs no second one. Raises KeyThrottled."""
        if _HAS_PLACE.get():
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
        """Let this thread wait for keys without a place: it serves no requests."""
        _HAS_PLACE.set(True)
        try:
            yield
        finally:
            _HAS_PLACE.set(False)

    def enter(self, owner: Owner, calls: int) -> None:
        """Count calls that begin; call `leave` when each has returned. Raises KeyThrottled."""
        if not self._calls.take(owner, calls):
            raise KeyThrottled(
                "Too many calls to keys of this organization have not returned. Try again later.", "operator"
            )

    def leave(self, owner: Owner) -> None:
        """Count a call that returned, however late."""
        self._calls.give_back(owner)
