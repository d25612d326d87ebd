"""Revoked tokens: whether what an issuer signed was withdrawn since, asked of every request."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

from sealring.domain.ids import EnvironmentId
from sealring.domain.ports import RevocationStore
from sealring.domain.principal import Principal
from sealring.domain.revocation import Revocation, Revoked
from sealring.errors import IntegrityFailure, StoreError, Unauthenticated

RENEW_S = 2.0  # a list of this age is read again by one request, while the others go on with it
MAX_AGE_S = 4.0  # one of this age is good for nobody: a revocation is in force 4 s after it was stored

Load = Callable[[], Sequence[Revocation]]


class RevokedTokens:
    """Refuses them. Holds the revocations of each environment, as old as above. Called from many threads."""

    __slots__ = ("_clock", "_lists", "_store")

    def __init__(self, store: RevocationStore, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds, and is never set back."""
        self._store = store
        self._clock = clock
        self._lists: dict[EnvironmentId, _HeldList] = {}

    def refuse(self, principal: Principal) -> None:
        """Raises Unauthenticated where the principal's token is revoked.

        Raises StoreError where that is not known, since the list cannot be read; IntegrityFailure where it is not the
        one that we wrote.
        """
        held = self._lists.get(principal.environment) or self._list_of(principal.environment)
        if held.current().covers(principal):
            raise Unauthenticated("revoked")

    def _list_of(self, environment: EnvironmentId) -> _HeldList:
        return self._lists.setdefault(environment, _HeldList(partial(self._store.load, environment), self._clock))


@dataclass(frozen=True, slots=True)
class _Held:
    """A list as it was read; the age counts from before the store was asked."""

    asked_at: float = float("-inf")
    loaded: Sequence[Revocation] | None = None
    revoked: Revoked = field(default_factory=lambda: Revoked.by(()))


class _HeldList:
    """The list of one environment."""

    def __init__(self, load: Load, clock: Callable[[], float]) -> None:
        self._load = load
        self._clock = clock
        self._reading = Lock()  # held by who reads; what follows is of the last reading
        self._held = _Held()
        self._began_at = self._ended_at = float("-inf")
        self._failure: StoreError | IntegrityFailure | None = None

    def current(self) -> Revoked:
        """Return the list, read again where it is old. Raises StoreError; IntegrityFailure."""
        held, now = self._held, self._clock()
        age = now - held.asked_at
        if age < RENEW_S:
            return held.revoked
        if not self._reading.acquire(blocking=age >= MAX_AGE_S):
            return held.revoked
        try:
            return self._renewed(now)
        finally:
            self._reading.release()

    def _renewed(self, wanted_at: float) -> Revoked:
        """Take what came of a reading that ended since, and was not begun too long ago; else read.

        So those who waited for one reading share its failure, and do not wait for one more each.
        """
        if self._ended_at <= wanted_at or self._clock() - self._began_at >= MAX_AGE_S:
            self._read()
        if self._failure is not None:
            raise self._failure
        return self._held.revoked

    def _read(self) -> None:
        self._began_at = self._clock()
        self._failure = None
        try:
            loaded = self._load()
            revoked = self._held.revoked if loaded is self._held.loaded else Revoked.by(loaded)
            self._held = _Held(self._began_at, loaded, revoked)
        except StoreError as failure:
            self._failure = failure
        except IntegrityFailure as failure:
            self._failure = failure
            self._held = _Held()  # nobody goes on with what was there before
        self._ended_at = self._clock()
