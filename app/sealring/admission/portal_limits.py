"""The limits of the portal's pages: of each session, and of all sessions of an organization."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from sealring.admission.buckets import Buckets, Clock, quota_of
from sealring.admission.limits import Limiter
from sealring.domain.portal import PortalSession
from sealring.errors import RateLimited, Whose

# Of one worker, per second: more than a person needs, whose browser may keep to one worker.
SESSION_RATE = 5
ORGANIZATION_RATE = 20


class PortalLimiter:
    """Admits pages of sessions within these limits, and within those that requests of the API have. Thread-safe."""

    def __init__(self, limiter: Limiter, clock: Clock = time.monotonic) -> None:
        self._limiter = limiter
        self._sessions, self._organizations = Buckets(SESSION_RATE, clock), Buckets(ORGANIZATION_RATE, clock)

    @contextmanager
    def turn(self, session: PortalSession) -> Iterator[None]:
        """Count a page, and keep a place for it until it is answered. Raises LimitError."""
        _take("subject", self._sessions, session.id, SESSION_RATE)
        _take("organization", self._organizations, (session.environment, session.org), ORGANIZATION_RATE)
        turn = self._limiter.enter(session.principal)
        try:
            turn.begin()
            yield
        finally:
            turn.leave()


def _take(whose: Whose, buckets: Buckets, key: Hashable, rate: float) -> None:
    if wait_s := buckets.take(key, rate):
        raise RateLimited(whose, *quota_of(rate), wait_s)
