"""Turns: how many requests a worker works on at once, and how many of them one organization may have."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from sealring.domain.ids import EnvironmentId, OrgId
from sealring.errors import Overloaded, TooManyRequests

ABOUT_S = 10.0  # an organization that asked so recently may ask again

Owner = tuple[EnvironmentId, OrgId | frozenset[OrgId]]  # an organization; all of a token that is for several


class Turns:
    """Counts requests by organization. It knows nothing of threads, waits for nothing, and is thread-safe.

    While other organizations are about, none has more than `share` of the `places`; while none is, one may have `alone`
    of them. A request takes a place before it is known whom it is for, if its token is for all organizations.
    """

    def __init__(self, places: int, *, share: int, alone: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`places`: all requests that the worker takes, those that wait included. `clock` gives seconds."""
        self._places = places
        self._share = share
        self._alone = alone
        self._clock = clock
        self._lock = Lock()
        self._busy = 0
        self._of: dict[Owner, int] = {}
        self._latest: Owner | None = None
        self._latest_at = float("-inf")  # when it last asked
        self._company_at = float("-inf")  # when another one last asked

    @property
    def busy(self) -> int:
        """How many places are taken."""
        return self._busy

    def enter(self, owner: Owner | None) -> None:
        """Take a place, for an organization if it is known. Raises TooManyRequests; Overloaded."""
        with self._lock:
            self._note(owner)  # if it is refused, too: others have to make room for it
            if self._busy >= self._places:
                raise Overloaded("The server is busy. Try again later.")
            if owner is not None:
                self._count(owner)
            self._busy += 1

    def claim(self, owner: Owner) -> None:
        """Count a place that was taken without an organization as one of `owner`. Raises TooManyRequests."""
        with self._lock:
            self._note(owner)
            self._count(owner)

    def leave(self, owner: Owner | None) -> None:
        """Give a place back; `owner` is the organization that it was counted for."""
        with self._lock:
            self._busy -= 1
            if owner is not None:
                self._of[owner] -= 1
                if not self._of[owner]:
                    del self._of[owner]

    def _note(self, owner: Owner | None) -> None:
        if owner is None:
            return
        if owner != self._latest:
            self._company_at = self._latest_at
            self._latest = owner
        self._latest_at = self._clock()

    def _count(self, owner: Owner) -> None:
        has = self._of.get(owner, 0)
        if has >= self._alone or (has >= self._share and self._in_company(has)):
            raise TooManyRequests("Too many requests of the organization at once. Try again later.")
        self._of[owner] = has + 1

    def _in_company(self, has: int) -> bool:
        """Whether another organization than the latest is about; `has`: the places of the latest."""
        return len(self._of) > (has > 0) or self._latest_at - self._company_at < ABOUT_S
