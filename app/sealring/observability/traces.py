"""Traces, by OpenTelemetry, if the settings ask for them. A span names a route and times, and nothing of a secret.

The libraries come with the extra `sealring[otel]`, and are imported only if they are needed.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sealring.errors import SettingsInvalid
from sealring.observability.settings import Traces
from sealring.observability.trace_context import TraceContext

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

    from sealring.observability.requests import Begin

_LIBRARIES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_NS = 1_000_000_000


def check_installed() -> None:
    """Raises SettingsInvalid."""
    for library in _LIBRARIES:
        try:
            found = find_spec(library)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise SettingsInvalid("[traces] needs libraries that are not installed: pip install 'sealring[otel]'")


def tracer(wanted: Traces) -> Begin:
    """Return what begins the span of a request. Starts a thread: call it in a worker. Raises SettingsInvalid."""
    check_installed()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(wanted.sample_percent / 100)),
        resource=Resource.create({"service.name": "sealring"}),
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(wanted.endpoint)))
    return beginning(provider.get_tracer("sealring"))


def beginning(tracer: Tracer) -> Begin:
    """Return what begins the span of a request with this tracer."""

    def begin(route: str, context: TraceContext | None) -> RequestTrace:
        return RequestTrace(tracer, route, context)

    return begin


class RequestTrace:
    """The span of one request, and those of its parts."""

    __slots__ = ("_context", "_span", "_tracer")

    def __init__(self, tracer: Tracer, route: str, context: TraceContext | None) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415

        method, _, template = route.partition(" ")
        self._tracer = tracer
        self._span: Span = tracer.start_span(
            route,
            context=None if context is None else _remote(context),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": template},
        )
        self._context: Context = set_span_in_context(self._span)

    @property
    def trace_id(self) -> str:
        return f"{self._span.get_span_context().trace_id:032x}"

    def child(self, name: str, began: float, ended: float) -> None:
        """Add a span of a part that has ended, by times of time.monotonic()."""
        now, now_ns = time.monotonic(), time.time_ns()
        span = self._tracer.start_span(name, context=self._context, start_time=now_ns - int((now - began) * _NS))
        span.end(now_ns - int((now - ended) * _NS))

    def end(self, status: int, request_id: str) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        self._span.set_attribute("http.response.status_code", status)
        self._span.set_attribute("sealring.request_id", request_id)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


def _remote(context: TraceContext) -> Context:
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context  # noqa: PLC0415

    parent = SpanContext(
        int(context.trace_id, 16),
        int(context.parent_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if context.sampled else TraceFlags.DEFAULT),
    )
    return set_span_in_context(NonRecordingSpan(parent))
