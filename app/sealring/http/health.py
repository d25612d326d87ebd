"""Health: is the process alive, and can it do its work. Tells nothing of tenants, hosts or versions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from sealring.errors import SealringError
from sealring.http.guard import OpenRoute
from sealring.http.replies import Reply

CACHE_S = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """What readiness asks, each check raising what keeps the server from working; and the class of its store."""

    checks: Mapping[str, Callable[[], None]]
    durability: str  # as it was at start


class HealthViews:
    """What the checks of readiness found is kept for two seconds."""

    def __init__(self, readiness: Readiness, clock: Callable[[], float] = time.monotonic) -> None:
        self._readiness = readiness
        self._clock = clock
        self._lock = Lock()
        self._asked_at = float("-inf")
        self._passed: Mapping[str, bool] = {}

    def alive(self) -> Reply:
        return Reply.json(200, {"status": "alive"})

    def ready(self) -> Reply:
        return _reply(self._checked(), {})

    def ready_in_detail(self) -> Reply:
        passed = self._checked()
        checks = {name: "ok" if passed[name] else "failed" for name in passed}
        return _reply(passed, {"checks": checks, "durability": self._readiness.durability})

    def routes(self) -> Sequence[OpenRoute]:
        return (
            OpenRoute("/livez", self.alive),
            OpenRoute("/readyz", self.ready, {"verbose": self.ready_in_detail}),
        )

    def _checked(self) -> Mapping[str, bool]:
        with self._lock:
            if self._clock() - self._asked_at >= CACHE_S:
                self._passed = {name: _passes(check) for name, check in self._readiness.checks.items()}
                self._asked_at = self._clock()
            return self._passed


def _reply(passed: Mapping[str, bool], details: Mapping[str, object]) -> Reply:
    if all(passed.values()):
        return Reply.json(200, {"status": "ready", **details})
    return Reply.json(503, {"status": "not ready", **details})


def _passes(check: Callable[[], None]) -> bool:
    try:
        check()
    except SealringError:
        return False
    return True
