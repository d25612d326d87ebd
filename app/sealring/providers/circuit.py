"""The circuit of one key: keeps a key that does not work from blocking the server."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from sealring.errors import (
    KeyAccessDenied,
    KeyDeadlineExceeded,
    KeyDestroyed,
    KeyDisabled,
    KeyFailure,
    KeyMisconfigured,
    KeyNotFound,
    KeyPendingDeletion,
    KeyThrottled,
    KeyUnavailable,
)
from sealring.many import like

MAX_IN_FLIGHT = 8
FAILURES_TO_OPEN = 5
OPEN_S = 5.0

# The owner has to act: another call gets the same answer, and uses up the owner's quota.
_OWNERS_STATES = (KeyAccessDenied, KeyDisabled, KeyPendingDeletion, KeyDestroyed, KeyNotFound, KeyMisconfigured)
_OUTAGES = (KeyUnavailable, KeyDeadlineExceeded)


class Circuit:
    """Bulkhead, breaker and negative cache in one. Thread-safe.

    Closed: calls pass, at most eight at once. Open: for five seconds after a failure that the owner has to fix, or
    after five outages in a row, the last failure is the answer. Half open, after that: one call passes, and its result
    closes or opens the circuit.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._in_flight = 0
        self._outages = 0
        self._open_until = 0.0
        self._last: KeyFailure | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last failure is the answer."""
        return self._last is not None and self._clock() < self._open_until

    def enter(self) -> None:
        """Let a call pass; call `leave` when it returned. Raises the last failure if open, KeyThrottled if full."""
        with self._lock:
            if self._last is not None:
                if self._clock() < self._open_until:
                    raise like(self._last)
                self._open_until = self._clock() + OPEN_S  # half open: this call passes, the others wait for it
            if self._in_flight >= MAX_IN_FLIGHT:
                raise KeyThrottled("Too many requests for this key at once. Try again later.", "operator")
            self._in_flight += 1

    def leave(self) -> None:
        """Count a call that returned, however late."""
        with self._lock:
            self._in_flight -= 1

    def record(self, failure: KeyFailure | None) -> None:
        """Record the failure of a call, or None if it succeeded."""
        with self._lock:
            if failure is None:
                self._outages, self._last = 0, None
            elif isinstance(failure, _OWNERS_STATES):
                self._open(failure)
            elif isinstance(failure, _OUTAGES):
                self._outages += 1
                if self._outages >= FAILURES_TO_OPEN or self._last is not None:
                    self._open(failure)

    def _open(self, failure: KeyFailure) -> None:
        self._last, self._open_until = like(failure), self._clock() + OPEN_S
