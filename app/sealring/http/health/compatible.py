"""The health routes of other servers of vault.v1, at which their probes look."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.admission.replies import Reply
from sealring.admission.routes import OpenRoute
from sealring.http.health import answers
from sealring.http.health.views import HealthViews

_PASSES = {"status": "ok"}


class CompatibleHealthViews:
    def __init__(self, health: HealthViews) -> None:
        self._health = health

    def alive(self) -> Reply:
        return Reply.json(200, _PASSES)

    def started(self) -> Reply:
        has_started = self._health.started().status == 200
        return self.alive() if has_started else Reply.json(503, {"status": "not started"})

    def ready(self) -> Reply:
        failed = self._health.failed()
        return Reply.json(503, {"status": "fail", "checks": failed}) if failed else self.alive()

    def routes(self) -> Sequence[OpenRoute]:
        return (
            OpenRoute(
                "/health/live",
                self.alive,
                {200: answers.Passing},
                id="isLive",
                summary="Whether the process runs",
                text="As `/livez`, for callers of vault.v1.",
            ),
            OpenRoute(
                "/health/ready",
                self.ready,
                {200: answers.Passing, 503: answers.Passing},
                id="isReadyForCalls",
                summary="Whether calls can be served",
                text="As `/readyz`, for callers of vault.v1. Store and keys are checked.",
                blocks=True,
            ),
            OpenRoute(
                "/health/startup",
                self.started,
                {200: answers.Passing, 503: answers.Passing},
                id="isStarted",
                summary="Whether the server has started",
                text="As `/startupz`, for callers of vault.v1.",
                blocks=True,
            ),
        )
