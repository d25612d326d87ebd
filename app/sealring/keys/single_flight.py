"""Single flight: who wants what another one is just getting waits for it, and gets the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Event, Lock
from typing import Generic, TypeVar

from sealring.errors import StoreUnavailable
from sealring.fibers import Outcome, current
from sealring.many import like

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

_MOST_S = 10.0  # a request of the command line has no deadline


class SingleFlight(Generic[K, T]):
    """Calls under way, by key. For threads and fibers."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._flights: dict[K, _Flight[T]] = {}

    def get(self, key: K, call: Callable[[], T], until: float) -> T:
        """Return what `call` or one of the same key that is under way returns, or raise what it raises.

        If another's call found the store away, perhaps because it had less time, the own one tries once. Raises
        StoreUnavailable if another's call has not ended at `until`, by time.monotonic().
        """
        try:
            return self._got(key, call, until)
        except _OtherFailed as failed:
            if time.monotonic() >= until:
                raise failed.failure from None
        try:
            return self._got(key, call, until)
        except _OtherFailed as failed:
            raise failed.failure from None

    def _got(self, key: K, call: Callable[[], T], until: float) -> T:
        """Raises _OtherFailed if the store was away for another's call."""
        mine: _Flight[T] = _Flight()
        with self._lock:
            flight = self._flights.setdefault(key, mine)
        outcome: Outcome[T] | None = None
        try:
            if flight is not mine:
                return flight.joined(until)
            try:
                outcome = mine.outcome = Outcome.of(call)
            finally:
                with self._lock:
                    del self._flights[key]
                mine.end()
            return outcome.get()
        finally:  # a failure keeps this frame alive, which would keep the failure alive, and all that failed
            del mine, flight, outcome


class _OtherFailed(Exception):
    def __init__(self, failure: StoreUnavailable) -> None:
        super().__init__()
        self.failure = failure


class _Flight(Generic[T]):
    def __init__(self) -> None:
        self.outcome: Outcome[T] | None = None
        self._ended = Event()
        self._lock = Lock()
        self._waiting: list[Callable[[], None]] = []

    def end(self) -> None:
        with self._lock:
            self._ended.set()
            waiting, self._waiting = self._waiting, []
        for tell in waiting:
            tell()

    def joined(self, until: float) -> T:
        """Return another's result, or raise a failure like its own."""
        fibers = current()
        if fibers is None:
            self._ended.wait(max(0.0, min(until - time.monotonic(), _MOST_S)))
        else:
            fibers.wait(self._ask, min(until, time.monotonic() + _MOST_S))
        if self.outcome is None:
            raise StoreUnavailable("The keyring's key did not arrive in time. Try again later.")
        failure = self.outcome.failure
        try:
            if isinstance(failure, StoreUnavailable):
                raise _OtherFailed(like(failure))
            if failure is not None:
                raise like(failure)
        finally:
            del failure  # as above
        return self.outcome.get()

    def _ask(self, tell: Callable[[], None]) -> None:
        with self._lock:
            if not self._ended.is_set():
                self._waiting.append(tell)
                return
        tell()
