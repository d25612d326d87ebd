"""Credentials that are fetched before they expire, by one thread, and never waited for beyond a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Self

from sealring_plugin import AccessDenied, DeadlineExceeded, ProviderError

LIFE_USED = 0.8  # of their life, after which new ones are fetched
MAX_LIFE_S = 43_200.0  # of a role's credentials: STS API Reference, AssumeRole, DurationSeconds
RETRY_S = 10.0  # after a failure, while the old ones are still good


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Lease:
    """Credentials, and how long they are good. Times are in seconds of the clock of `Refreshed`."""

    credentials: Credentials
    life_s: float


@dataclass(frozen=True, slots=True)
class _Held:
    credentials: Credentials
    refresh_at: float
    expires_at: float

    @classmethod
    def since(cls, now: float, lease: Lease) -> Self:
        life_s = min(lease.life_s, MAX_LIFE_S)
        return cls(lease.credentials, now + LIFE_USED * life_s, now + life_s)


class Refreshed:
    """The credentials of one identity. Thread-safe.

    At 80 % of their life new ones are fetched in the background. Where the owner of a role refuses them, the old ones
    are given up at once.
    """

    def __init__(
        self, fetch: Callable[[], Lease], threads: Executor, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._threads = threads
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._flight: Future[Credentials] | None = None
        self._retry_at = 0.0

    def current(self, deadline: float) -> Credentials:
        """Raises what fetching raises; DeadlineExceeded, while fetching goes on for whoever asks next."""
        with self._lock:
            now, held = self._clock(), self._held
            if held is not None and now < held.expires_at:
                if now >= max(held.refresh_at, self._retry_at):
                    self._fly()
                return held.credentials
            flight = self._fly()
        try:
            return flight.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise DeadlineExceeded("no credentials were found in time") from None

    def forget(self, refused: Credentials) -> None:
        """Fetch anew at the next call: AWS does not take these any more."""
        with self._lock:
            if self._held is not None and self._held.credentials == refused:
                self._held = None

    def _fly(self) -> Future[Credentials]:
        if self._flight is None or self._flight.done():
            self._flight = self._threads.submit(self._fetch_and_hold)
        return self._flight

    def _fetch_and_hold(self) -> Credentials:
        began = self._clock()
        try:
            lease = self._fetch()
        except ProviderError as failure:
            with self._lock:
                self._retry_at = self._clock() + RETRY_S
                self._held = None if isinstance(failure, AccessDenied) else self._held
            raise
        with self._lock:
            self._held = _Held.since(began, lease)
        return lease.credentials
