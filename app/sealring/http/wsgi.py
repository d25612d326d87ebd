"""WSGI (PEP 3333): a request from its environment, and the sending of a reply."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from http import HTTPStatus
from typing import Any

from sealring.admission.replies import Reply
from sealring.fibers import Outcome
from sealring.http.bodies import ARRIVED, Bodies

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

# The headers that we use; all others are ignored.
_VARIABLES = {
    "accept": "HTTP_ACCEPT",
    "accept-encoding": "HTTP_ACCEPT_ENCODING",
    "authorization": "HTTP_AUTHORIZATION",
    "connect-protocol-version": "HTTP_CONNECT_PROTOCOL_VERSION",
    "connect-timeout-ms": "HTTP_CONNECT_TIMEOUT_MS",
    "content-encoding": "HTTP_CONTENT_ENCODING",
    "content-range": "HTTP_CONTENT_RANGE",
    "content-type": "CONTENT_TYPE",
    "idempotency-key": "HTTP_IDEMPOTENCY_KEY",
    "if-match": "HTTP_IF_MATCH",
    "if-none-match": "HTTP_IF_NONE_MATCH",
    "if-unmodified-since": "HTTP_IF_UNMODIFIED_SINCE",
    "traceparent": "HTTP_TRACEPARENT",
    "user-agent": "HTTP_USER_AGENT",
    "x-request-id": "HTTP_X_REQUEST_ID",
}


class WsgiRequest:
    """The Request of a WSGI environment."""

    __slots__ = ("_bodies", "_environ", "_until", "method")

    def __init__(self, environ: Environ, bodies: Bodies) -> None:
        self._environ = environ
        self._bodies = bodies
        self._until = float("inf")
        self.method: str = environ["REQUEST_METHOD"]

    @property
    def path(self) -> bytes:
        raw: str = self._environ["PATH_INFO"]  # the bytes, decoded as Latin-1
        return raw.encode("latin-1")

    @property
    def target(self) -> str:
        target: str = self._environ.get("RAW_URI", "")
        return target

    @property
    def query(self) -> str:
        query: str = self._environ.get("QUERY_STRING", "")
        return query

    @property
    def peer(self) -> str:
        address: str = self._environ.get("REMOTE_ADDR", "")
        return address

    def header(self, name: str) -> str | None:
        return self._environ.get(_VARIABLES[name])

    def body(self, max_bytes: int | None = None, owner: Hashable = None) -> bytes:  # noqa: ARG002  as of `reserve`
        arrived: Outcome[bytes] | None = self._environ.get(ARRIVED)
        return self._bodies.read(self._environ, max_bytes, self._until) if arrived is None else arrived.get()

    def reserve(self, size: int) -> None:
        """There are few threads: what each may keep is the bound."""

    def answer_by(self, until: float, late: Reply) -> None:  # noqa: ARG002  the thread itself answers, when it can
        self._until = until


def send(reply: Reply, request: WsgiRequest, start_response: StartResponse, request_id: str) -> Iterable[bytes]:
    start_response(_STATUS_LINES[reply.status], reply.fields(request_id))
    return () if request.method == "HEAD" else (reply.body,)
