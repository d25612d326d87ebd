"""What is told of requests: their metrics always; the access log, the log of slow requests and traces if asked for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol, TypeVar

from sealring.observability import metrics
from sealring.observability.logs import Log
from sealring.observability.series import Durations
from sealring.observability.trace_context import TraceContext
from sealring.observability.trail import RequestSpan, Trail, followed

NO_ROUTE = "none"

_VALUE = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")


@cache  # there are as many as routes
def route_name(rule: str) -> str:
    """Return the name of a route for metrics, logs and traces: its path, with values as {name}."""
    return _VALUE.sub(r"{\1}", rule)


class Answer(Protocol):
    """A reply."""

    status: int
    body: bytes


A = TypeVar("A", bound=Answer)

Begin = Callable[[str, TraceContext | None], RequestSpan]  # of a route


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told beside the metrics. `slow_s` 0: slow requests are not logged."""

    log: Log
    access: bool = False
    slow_s: float = 0.0
    begin_span: Begin | None = None

    @property
    def follows(self) -> bool:
        """Whether anything is."""
        return self.access or self.slow_s > 0 or self.begin_span is not None


@dataclass(slots=True)
class RouteRequests:
    """The requests of one route. Thread-safe."""

    telling: Telling
    method: str
    route: str  # its name
    _by_class: dict[int, Durations] = field(default_factory=dict)

    @classmethod
    def of(cls, telling: Telling, method: str, rule: str) -> RouteRequests:
        route = route_name(rule)
        metrics.ROUTES.add(route)
        return cls(telling, method, route)

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer."""
        durations = self._by_class.get(status // 100)
        if durations is None:
            durations = metrics.REQUESTS.of(method=self.method, route=self.route, status=f"{status // 100}xx")
            self._by_class[status // 100] = durations
        durations.observe(seconds)

    def follow(self, request_id: str, context: TraceContext | None, work: Callable[[], A]) -> A:
        """Do the work that answers a request, count its answer, and tell what is to be told of it."""
        telling = self.telling
        began = time.monotonic()
        span = None if telling.begin_span is None else telling.begin_span(f"{self.method} {self.route}", context)
        trail = Trail(span, context.trace_id if span is None and context is not None else "")
        with followed(trail):
            reply = work()
        seconds = time.monotonic() - began
        self.answered(reply.status, seconds)
        if span is not None:
            span.end(reply.status, request_id)
        about = (request_id, trail.trace_id, f"{self.method} {self.route}", reply.status, seconds)
        if telling.access:
            telling.log.access(*about, len(reply.body))
        if 0 < telling.slow_s <= seconds:
            telling.log.slow(*about, trail)
        return reply
