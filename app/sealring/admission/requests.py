"""Requests, before admission as the server got them, after it as a view gets them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sealring.admission.replies import Reply
from sealring.domain.principal import Caller
from sealring.observability import trace_context
from sealring.observability.trail import trace_id


class Request(Protocol):
    """A request as it arrived, independent of protocol and worker. Not thread-safe."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> bytes:
        """The path, percent-decoded."""

    @property
    def target(self) -> str:
        """The path as it was sent, in a target in origin or absolute form; empty if it is not known."""

    @property
    def query(self) -> str:
        """The query as it was sent; empty if there is none."""

    @property
    def peer(self) -> str:
        """The address of the other end of the connection; empty on a Unix socket."""

    def header(self, name: str) -> str | None:
        """Return a header that `admission` uses, by its name in lower case."""

    def body(self, max_bytes: int | None = None, owner: Hashable = None) -> bytes:
        """Read the whole body, of at most `max_bytes`; None: of as much as routes take. Call it once.

        Its bytes count for `owner`; None: for strangers.

        Raises PayloadTooLarge, RequestTimeout, LimitError; MalformedRequest for an incomplete or badly framed body.
        """

    def reserve(self, size: int) -> None:
        """Count `size` bytes that the body becomes as bytes of it. Raises LimitError if there is no room."""

    def answer_by(self, until: float, late: Reply) -> None:
        """Answer `late` if there is no reply `until` then, by time.monotonic(); the work goes on, and counts.

        A thread reads no body beyond that time; what it waits for else, it waits for.
        """


@dataclass(frozen=True, slots=True)
class AdmittedRequest:
    """A request that passed the guard."""

    caller: Caller
    path: Mapping[str, str] = field(repr=False)
    query: Mapping[str, Any] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)


def trace_of(request: Request) -> str:
    """Return the id of the trace of a request: ours, or else the caller's; "" if there is none."""
    return trace_id() or getattr(trace_context.parse(request.header("traceparent")), "trace_id", "")
