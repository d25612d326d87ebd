"""Health: whether the process is alive and can serve requests. Reveals no tenants, hosts or versions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from sealring.admission.problems import PROBLEMS
from sealring.admission.replies import Reply
from sealring.admission.routes import OpenRoute, Variant
from sealring.errors import SealringError
from sealring.http.health import answers

CACHE_S = 2.0
REFUSED = "the last reload was refused, and the previous settings stay in force; the log says why"


@dataclass(frozen=True, slots=True)
class Readiness:
    """The checks of readiness, each of which raises if the server cannot work, and the durability of the store."""

    checks: Mapping[str, Callable[[], None]]
    durability: str  # as it was at start
    reload_refused: Callable[[], bool] = lambda: False  # of the last reload; False after one that succeeded


class HealthViews:
    """The health routes. The results of the checks are cached for two seconds."""

    def __init__(self, readiness: Readiness, clock: Callable[[], float] = time.monotonic) -> None:
        self._readiness = readiness
        self._clock = clock
        self._lock = Lock()
        self._asked_at = float("-inf")
        self._codes: Mapping[str, str] = {}
        self._started = False

    def alive(self) -> Reply:
        return Reply.json(200, {"status": "alive"})

    def started(self) -> Reply:
        """Once this worker was ready, it has started: a store that goes away later is not a reason to restart it."""
        reply = Reply.json(200, {"status": "started"}) if self._started else self._reply({}, "started", "starting")
        self._started = reply.status == 200
        return reply

    def ready(self) -> Reply:
        return self._reply({})

    def ready_in_detail(self) -> Reply:
        checks = {name: code or "ok" for name, code in self._checked().items()}
        return self._reply({"checks": checks, "durability": self._readiness.durability})

    def failed(self) -> Mapping[str, str]:
        """Return the code of each check that failed, by its name."""
        return {name: code for name, code in self._checked().items() if code}

    def routes(self) -> Sequence[OpenRoute]:
        return (
            OpenRoute(
                "/livez",
                self.alive,
                {200: answers.Health},
                id="isAlive",
                summary="Whether the process runs",
                text="Checks nothing else.",
            ),
            OpenRoute(
                "/readyz",
                self.ready,
                {200: answers.Readiness, 503: answers.Readiness},
                id="isReady",
                summary="Whether requests can be served",
                text="Writes to the store and reads from it. The result is cached for two seconds.",
                variants={
                    "verbose": Variant(self.ready_in_detail, "Return each check, and the durability of the store.")
                },
                blocks=True,
            ),
            OpenRoute(
                "/startupz",
                self.started,
                {200: answers.Startup, 503: answers.Startup},
                id="hasStarted",
                summary="Whether the server has been ready since its start",
                text="For a startup probe. Once it was ready, it stays 200, whatever becomes of the store.",
                blocks=True,
            ),
        )

    def _reply(self, details: Mapping[str, object], good: str = "ready", bad: str = "not ready") -> Reply:
        failed = self.failed()
        state: dict[str, object] = {"status": bad, "failed": failed} if failed else {"status": good}
        if self._readiness.reload_refused():
            state["settings"] = REFUSED
        return Reply.json(503 if failed else 200, {**state, **details})

    def _checked(self) -> Mapping[str, str]:
        with self._lock:
            if self._clock() - self._asked_at >= CACHE_S:
                self._codes = {name: _code(check) for name, check in self._readiness.checks.items()}
                self._asked_at = self._clock()
            return self._codes


def _code(check: Callable[[], None]) -> str:
    """Return the code of the failure of a check; an empty text if it passes."""
    try:
        check()
    except SealringError as error:
        problem = PROBLEMS.get(type(error))
        return "failed" if problem is None else problem.code
    return ""
