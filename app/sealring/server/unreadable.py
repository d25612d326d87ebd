"""Error responses for requests that cannot be read: the usual format, and nothing of the request."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import orjson
from gunicorn.util import write_nonblock

from sealring.admission.problems import UNREADABLE, problem_body, problem_headers
from sealring.connect.refusals import PREFIX, by_status

_asked = threading.local()


def write_refusal(connection: Any, status: int, reason: str, text: str) -> None:  # noqa: ARG001  it quotes the client
    """Replaces gunicorn.util.write_error, which writes HTML and quotes the request."""
    write_nonblock(connection, refusal(status, getattr(_asked, "path", "")))


@contextmanager
def asked_for(path: str) -> Iterator[None]:
    """Say which path `write_refusal` answers for, in this thread; an empty one is not known."""
    _asked.path = path
    try:
        yield
    finally:
        _asked.path = ""


def refusal(status: int, path: str = "") -> bytes:
    """Return the bytes of an answer that ends its connection; `path` is the one that was asked for, if it is known."""
    request_id = os.urandom(16).hex()
    if path.startswith(PREFIX):
        body = by_status(status).reply().body
    else:
        code, message = UNREADABLE.get(status, UNREADABLE[400])
        body = orjson.dumps(problem_body(code, message, request_id))
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        f"X-Request-ID: {request_id}",
        *(f"{name}: {value}" for name, value in problem_headers(status)),
    )
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body
