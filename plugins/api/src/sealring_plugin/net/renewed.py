"""A credential that is fetched once for all threads, renewed before it ends, and not fetched again while it is refused.

Fetching has a thread and a deadline of its own. A call waits until its own deadline; what comes later is there for the
next call.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from sealring_plugin.errors import DeadlineExceeded, ProviderError, Throttled, Unavailable
from sealring_plugin.net.per_process import PerProcess

FETCH_S = 3.0
MAX_LIFE_S = 86_400.0  # no KMS gives a credential for longer than a day
RENEWED_AT = 0.8  # of its life
MARGIN_S = 30.0  # before its end, for clocks and for the way to the KMS; a tenth of a life of less than 300 s
RETRY_S = 10.0  # after a renewal began, while the old credential is good
REFUSED_S = 1.0  # for which a refusal is remembered

_PASSING = (Unavailable, Throttled, DeadlineExceeded)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lease(Generic[T]):
    """A credential, and for how many seconds it is good, counted from before it was asked for."""

    value: T = field(repr=False)
    life_s: float


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    """Times are of the clock of `Renewed`."""

    value: T
    renew_at: float
    ends_at: float


@dataclass(slots=True)
class _State(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    held: _Held[T] | None = None
    refusal: ProviderError | None = None
    refused_until: float = 0.0
    flight: Future[T] | None = None


class Renewed(Generic[T]):
    """One credential. Thread-safe; fork-safe.

    `fetch` gets a deadline, in seconds of time.monotonic(), and returns a new lease; one thread runs it at a time. From
    80 % of a credential's life on, it is renewed while calls go on with it. If the renewal fails with what passes by
    itself (Unavailable, Throttled, DeadlineExceeded), the credential is used until it ends, and renewing is tried again
    after 10 s. Any other failure is a refusal: the credential is dropped, and for 1 s all who ask get the refusal
    without another fetch.
    """

    def __init__(self, fetch: Callable[[float], Lease[T]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._state: PerProcess[_State[T]] = PerProcess(_State)

    def get(self, deadline: float) -> T:
        """Raises DeadlineExceeded, while fetching goes on for the next call; otherwise what `fetch` raises.

        Unavailable if `fetch` does not end in 3 s, or gives a credential that has ended already.
        """
        state = self._state.get()
        with state.lock:
            now, held = self._clock(), state.held
            if held is not None and now < held.ends_at:
                if now >= held.renew_at:
                    self._renew(state, held)
                return held.value
            if state.refusal is not None and now < state.refused_until:
                raise copy.copy(state.refusal)  # one that is raised twice would carry the traceback of both
            if deadline <= time.monotonic():
                raise DeadlineExceeded("no time was left to fetch a credential")
            flight = self._flight(state)
        return _landed(flight, deadline)

    def forget(self, refused: T) -> None:
        """Drop a credential that the KMS did not take, unless there is another one by now."""
        state = self._state.get()
        with state.lock:
            if state.held is not None and state.held.value == refused:
                state.held = None

    def _renew(self, state: _State[T], held: _Held[T]) -> None:
        state.held = replace(held, renew_at=self._clock() + RETRY_S)
        try:
            self._flight(state)
        except Unavailable:
            """There is time for another try."""

    def _flight(self, state: _State[T]) -> Future[T]:
        """Return the fetch that is under way, or start one."""
        if state.flight is None or state.flight.done():
            state.flight = _started(lambda: self._fetched(state))
        return state.flight

    def _fetched(self, state: _State[T]) -> T:
        asked_at = self._clock()
        try:
            lease = self._lease()
        except _PASSING:
            raise
        except ProviderError as refusal:
            with state.lock:
                state.held, state.refusal, state.refused_until = None, refusal, self._clock() + REFUSED_S
            raise
        life_s = min(lease.life_s, MAX_LIFE_S)
        margin_s = min(MARGIN_S, life_s / 10)
        with state.lock:
            state.held = _Held(lease.value, asked_at + RENEWED_AT * life_s, asked_at + life_s - margin_s)
        return lease.value

    def _lease(self) -> Lease[T]:
        try:
            lease = self._fetch(time.monotonic() + FETCH_S)
        except DeadlineExceeded:
            raise Unavailable(f"no credential came within {FETCH_S:g} s") from None
        if not lease.life_s > 0:  # NaN is not either
            raise Unavailable("a credential came that has ended already; check the clock")
        return lease


def _started(fetch: Callable[[], T]) -> Future[T]:
    """Run in a thread that ends with it. Raises Unavailable."""
    executor = ThreadPoolExecutor(1, "sealring-credential")
    try:
        return executor.submit(fetch)
    except RuntimeError:  # the system has no thread left, or the interpreter stops
        raise Unavailable("no thread was left to fetch a credential") from None
    finally:
        executor.shutdown(wait=False)


def _landed(flight: Future[T], deadline: float) -> T:
    try:
        failure = flight.exception(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        failure = DeadlineExceeded("no credential came in time")
    if isinstance(failure, ProviderError):
        raise copy.copy(failure)  # all who wait for it raise it, each with a traceback of its own
    return flight.result()
