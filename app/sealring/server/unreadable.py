"""Error responses for requests that gunicorn cannot parse: the usual format, and nothing of the request."""

from __future__ import annotations

import os
from typing import Any

import orjson
from gunicorn.util import write_nonblock

from sealring.admission.problems import problem_body

_REFUSALS = {
    400: ("malformed_request", "The request cannot be read."),
    408: ("request_timeout", "The request did not arrive in time. Send it again, faster."),
    414: ("uri_too_long", "The request line is too long. Send a shorter path or query."),
    417: ("expectation_failed", "The Expect header is refused. Leave it out."),
    431: ("headers_too_large", "The headers are too large or too many. Send fewer."),
    500: ("internal_error", "Something went wrong on our side. Tell the operator, with the request id."),
    501: ("not_implemented", "The transfer coding is not known. Send chunked, or a Content-Length."),
}


def write_refusal(connection: Any, status: int, reason: str, text: str) -> None:  # noqa: ARG001  it quotes the client
    """Replaces gunicorn.util.write_error, which writes HTML and quotes the request."""
    request_id = os.urandom(16).hex()
    code, message = _REFUSALS.get(status, _REFUSALS[400])
    body = orjson.dumps(problem_body(code, message, request_id))
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nX-Request-ID: {request_id}\r\n\r\n"
    )
    write_nonblock(connection, head.encode("latin-1") + body)
