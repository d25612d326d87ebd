"""The trail of one request: where its time went, and the spans of its trace.

It is in the context of the fiber or thread that serves the request. Code that waits for the store or for a key says so
with `spent`, whichever request it works for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Protocol


class Layer(Enum):
    """What a request waits for."""

    AUTH = "auth"  # the check of its token
    QUEUE = "queue"  # its body, and its turn
    STORE = "store"
    KMS = "kms"


class RequestSpan(Protocol):
    """The span of a request in a trace."""

    @property
    def trace_id(self) -> str: ...

    def child(self, name: str, began: float, ended: float) -> None:
        """Add a span of a part, by times of time.monotonic()."""

    def end(self, status: int, request_id: str) -> None: ...


class Trail:
    """Not thread-safe: what others do for a request is noted by the code that waits for them."""

    __slots__ = ("_seconds", "_span", "trace_id")

    def __init__(self, span: RequestSpan | None = None, trace_id: str = "") -> None:
        self._seconds: dict[Layer, float] = {}
        self._span = span
        self.trace_id = trace_id if span is None else span.trace_id

    def note(self, layer: Layer, began: float, ended: float) -> None:
        self._seconds[layer] = self._seconds.get(layer, 0.0) + ended - began
        if self._span is not None:
            self._span.child(layer.value, began, ended)

    def seconds(self, layer: Layer) -> float:
        """Return how long the request has waited for this."""
        return self._seconds.get(layer, 0.0)


_current: ContextVar[Trail | None] = ContextVar("trail", default=None)


def spent(layer: Layer, began: float, ended: float) -> None:
    """Note what the current request waited for, by times of time.monotonic(); nothing if nobody wants to know."""
    trail = _current.get()
    if trail is not None:
        trail.note(layer, began, ended)


def trace_id() -> str:
    """Return the id of the current request's trace; "" if it is in none, or nobody wants to know."""
    trail = _current.get()
    return "" if trail is None else trail.trace_id


@contextmanager
def followed(trail: Trail) -> Iterator[None]:
    """Make it the trail of the current fiber or thread, until the end of the block."""
    before = _current.set(trail)
    try:
        yield
    finally:
        _current.reset(before)
