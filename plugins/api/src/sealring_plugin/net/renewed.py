"""A credential that is fetched once for all threads, renewed before it ends, and not fetched again while it is refused.

Fetching has a thread and a deadline of its own. A call waits until its own deadline; what comes later is there for the
next call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
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
MAX_HANGING = 4  # fetches that were given up and have not ended

_TOO_LATE = f"no credential came within {FETCH_S:g} s"

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


class _Flight(Future[T]):
    """One fetch. From `ends_at` on, in seconds of time.monotonic(), nobody waits for it any more."""

    def __init__(self) -> None:
        super().__init__()
        self.ends_at = time.monotonic() + FETCH_S

    @property
    def is_over(self) -> bool:
        return self.done() or time.monotonic() >= self.ends_at

    def start(self, fetch: Callable[[], T]) -> None:
        """Fetch in a thread that does not keep the process from ending. Raises Unavailable."""

        def run() -> None:
            try:
                self.set_result(fetch())
            except BaseException as error:  # noqa: BLE001  those who wait raise it
                self.set_exception(error)

        try:
            threading.Thread(target=run, name="sealring-credential", daemon=True).start()
        except RuntimeError:  # the system has no thread left, or the interpreter stops
            raise Unavailable("no thread was left to fetch a credential") from None


@dataclass(slots=True)
class _State(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    held: _Held[T] | None = None
    refusal: ProviderError | None = None
    refused_until: float = 0.0
    flight: _Flight[T] | None = None
    hanging: list[_Flight[T]] = field(default_factory=list)


class Renewed(Generic[T]):
    """One credential. Thread-safe; fork-safe.

    `fetch` gets a deadline, in seconds of time.monotonic(), and returns a new lease; one thread runs it at a time. From
    80 % of a credential's life on, it is renewed while calls go on with it. If the renewal fails with what passes by
    itself (Unavailable, Throttled, DeadlineExceeded), the credential is used until it ends, and renewing is tried again
    after 10 s. Any other ProviderError is a refusal: the credential is dropped, and for 1 s all who ask get the refusal
    without another fetch. A fetch that does not end in 3 s is given up, and the next call starts another,
    unless four hang already.
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
                raise _copied(state.refusal)
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

    def _flight(self, state: _State[T]) -> _Flight[T]:
        """Return the fetch that is under way, or start one. Raises Unavailable if too many never ended."""
        if state.flight is None or state.flight.is_over:
            state.hanging = [each for each in (*state.hanging, state.flight) if each is not None and not each.done()]
            state.flight = None
            if len(state.hanging) >= MAX_HANGING:
                raise Unavailable(_TOO_LATE)
            flight: _Flight[T] = _Flight()
            flight.start(lambda: self._fetched(state, flight))
            state.flight = flight
        return state.flight

    def _fetched(self, state: _State[T], flight: _Flight[T]) -> T:
        asked_at = self._clock()
        try:
            lease = self._lease()
        except _PASSING:
            raise
        except ProviderError as refusal:
            with state.lock:
                if state.flight is flight:
                    state.held, state.refused_until = None, self._clock() + REFUSED_S
                    state.refusal = _copied(refusal)  # without the traceback, whose frames hold what was sent
            raise
        life_s = min(lease.life_s, MAX_LIFE_S)
        margin_s = min(MARGIN_S, life_s / 10)
        held = _Held(lease.value, asked_at + RENEWED_AT * life_s, asked_at + life_s - margin_s)
        if not self._clock() < held.ends_at:  # NaN is not either
            raise Unavailable("a credential came that has ended already; check the clock")
        with state.lock:
            if state.flight is flight:  # else it was given up, and another one may be there
                state.held = held
        return lease.value

    def _lease(self) -> Lease[T]:
        try:
            return self._fetch(time.monotonic() + FETCH_S)
        except DeadlineExceeded:
            raise Unavailable(_TOO_LATE) from None


def _landed(flight: _Flight[T], deadline: float) -> T:
    try:
        failure = flight.exception(max(0.0, min(deadline, flight.ends_at) - time.monotonic()))
    except TimeoutError:
        given_up = flight.ends_at <= deadline
        failure = Unavailable(_TOO_LATE) if given_up else DeadlineExceeded("no credential came in time")
    if isinstance(failure, ProviderError):
        raise _copied(failure)
    return flight.result()


def _copied(failure: ProviderError) -> ProviderError:
    """All who wait raise it, each with a traceback of its own. `copy.copy` would call a class's own `__init__`."""
    copied = type(failure).__new__(type(failure))
    copied.args = failure.args
    copied.__dict__.update(failure.__dict__)
    return copied
