"""Health: is the process alive, and can it do its work. Tells nothing of tenants, hosts or versions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock

from sealring.errors import SealringError
from sealring.http.guard import OpenRoute
from sealring.http.replies import Reply

CACHE_S = 2.0


class HealthViews:
    """`ready` raises what keeps the server from working; its answer is kept for two seconds."""

    def __init__(self, ready: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._ready = ready
        self._clock = clock
        self._lock = Lock()
        self._asked_at = float("-inf")
        self._answer = False

    def alive(self) -> Reply:
        return Reply.json(200, {"status": "alive"})

    def ready(self) -> Reply:
        with self._lock:
            if self._clock() - self._asked_at >= CACHE_S:
                self._answer = self._ask()
                self._asked_at = self._clock()
            ready = self._answer
        return Reply.json(200, {"status": "ready"}) if ready else Reply.json(503, {"status": "not ready"})

    def routes(self) -> Sequence[OpenRoute]:
        return (OpenRoute("/livez", self.alive), OpenRoute("/readyz", self.ready))

    def _ask(self) -> bool:
        try:
            self._ready()
        except SealringError:
            return False
        return True
