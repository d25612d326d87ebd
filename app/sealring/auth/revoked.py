"""Revoked tokens: the check, on every request, that the caller's token is not revoked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

from sealring import fibers
from sealring.domain.ids import EnvironmentId
from sealring.domain.ports import RevocationStore
from sealring.domain.principal import Principal
from sealring.domain.revocation import Revocation, Revoked
from sealring.errors import IntegrityFailure, StoreError, Unauthenticated
from sealring.many import like

RENEW_S = 2.0  # at this age one request reads the list again, while the others still use it
MAX_AGE_S = 4.0  # at this age no request uses the list: a revocation is in force 4 s after it was stored

Load = Callable[[], Sequence[Revocation]]
Wait = Callable[[Lock], None]  # acquires a lock that another request keeps while it waits for the store


class RevokedTokens:
    """Refuses revoked tokens. Caches the revocations of each environment. Called from many threads."""

    __slots__ = ("_clock", "_lists", "_store", "_wait")

    def __init__(
        self, store: RevocationStore, clock: Callable[[], float] = time.monotonic, wait: Wait = fibers.acquire
    ) -> None:
        """`clock` gives monotonic seconds."""
        self._store = store
        self._clock = clock
        self._wait = wait
        self._lists: dict[EnvironmentId, _HeldList] = {}

    def refuse(self, principal: Principal) -> None:
        """Raises Unauthenticated if the principal's token is revoked.

        Raises StoreError if the list cannot be read; IntegrityFailure if it is not the list that we wrote.
        """
        held = self._lists.get(principal.environment) or self._list_of(principal.environment)
        if held.current().covers(principal):
            raise Unauthenticated("revoked")

    def _list_of(self, environment: EnvironmentId) -> _HeldList:
        made = _HeldList(partial(self._store.load, environment), self._clock, self._wait)
        return self._lists.setdefault(environment, made)


@dataclass(frozen=True, slots=True)
class _Held:
    """A list that was read; its age counts from before the read."""

    asked_at: float = float("-inf")
    loaded: Sequence[Revocation] | None = None
    revoked: Revoked = field(default_factory=lambda: Revoked.by(()))


class _HeldList:
    """The list of one environment."""

    def __init__(self, load: Load, clock: Callable[[], float], wait: Wait) -> None:
        self._load = load
        self._clock = clock
        self._wait = wait
        self._reading = Lock()  # held by the request that reads; the attributes below are those of the last read
        self._held = _Held()
        self._began_at = self._ended_at = float("-inf")
        self._failure: StoreError | IntegrityFailure | None = None

    def current(self) -> Revoked:
        """Return the list, read again if it is old. Raises StoreError; IntegrityFailure."""
        held, now = self._held, self._clock()
        age = now - held.asked_at
        if age < RENEW_S:
            return held.revoked
        if age >= MAX_AGE_S:
            if not self._reading.acquire(blocking=False):
                self._wait(self._reading)
        elif not self._reading.acquire(blocking=False):
            return held.revoked
        try:
            return self._renewed(now)
        finally:
            self._reading.release()

    def _renewed(self, wanted_at: float) -> Revoked:
        """Use the result of a read that ended after `wanted_at` and began recently; else read.

        So requests that waited for the same read share its failure, instead of one more wait each.
        """
        if self._ended_at <= wanted_at or self._clock() - self._began_at >= MAX_AGE_S:
            self._read()
        if self._failure is not None:
            raise like(self._failure)
        return self._held.revoked

    def _read(self) -> None:
        self._began_at = self._clock()
        self._failure = None
        try:
            loaded = self._load()
            revoked = self._held.revoked if loaded is self._held.loaded else Revoked.by(loaded)
            self._held = _Held(self._began_at, loaded, revoked)
        except StoreError as failure:
            self._failure = like(failure)
        except IntegrityFailure as failure:
            self._failure = like(failure)
            self._held = _Held()  # nobody may use the previous list
        self._ended_at = self._clock()
