"""Errors on the wire: JSON with a code and a message, whatever the request was in."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from sealring.admission.problems import PROBLEMS, problem_headers, rate_headers
from sealring.admission.replies import Reply
from sealring.connect.codes import CODES, Code
from sealring.errors import KeyThrottled, RateLimited, SealringError

PACKAGE = "vault.v1"
PREFIX = f"/{PACKAGE}."  # of the paths of its services

INTERNAL = "Something went wrong on our side. Tell the operator, with the request id."
TOO_LATE = "The time that Connect-Timeout-Ms allows has passed. The call may have been done all the same."

# Requests that nothing takes, or that cannot be read: by status. Clients go by the code.
_BY_STATUS: Mapping[int, tuple[Code, str]] = {
    400: (Code.INVALID_ARGUMENT, "The request cannot be read."),
    404: (Code.UNIMPLEMENTED, "The service has no such method. Check its name."),
    405: (Code.UNKNOWN, "Call a method with POST."),
    408: (Code.DEADLINE_EXCEEDED, "The request did not arrive in time. Send it again, faster."),
    414: (Code.INVALID_ARGUMENT, "The request line is too long. Send none but the path of the method."),
    417: (Code.INVALID_ARGUMENT, "The Expect header is refused. Leave it out."),
    431: (Code.RESOURCE_EXHAUSTED, "The headers are too large or too many. Send fewer."),
    500: (Code.INTERNAL, INTERNAL),
    503: (Code.UNAVAILABLE, "Too many connections are open. Try again later."),
    501: (Code.UNIMPLEMENTED, "The transfer coding is not known. Send chunked, or a Content-Length."),
}


class Refused(Exception):
    """A refusal by the protocol itself. `status`: another one than that of the code."""

    def __init__(self, code: Code, message: str, status: int = 0, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.status = status or code.status
        self.headers = headers

    def reply(self) -> Reply:
        return Reply(self.status, body_of(self.code, str(self)), headers=self.headers)


def by_status(status: int) -> Refused:
    """Return the refusal of a request that no method takes, or that cannot be read."""
    code, message = _BY_STATUS.get(status, _BY_STATUS[400])
    return Refused(code, message, status, (("Allow", "POST"),) if status == 405 else ())


def too_late() -> Refused:
    return Refused(Code.DEADLINE_EXCEEDED, TOO_LATE)


def failed(error: SealringError) -> Reply:
    """Return the answer to a request that failed. The message is the error's own: it never has a text of others."""
    code = CODES[type(error)]
    retry_after_s = error.retry_after_s if isinstance(error, (KeyThrottled, RateLimited)) else None
    headers = problem_headers(PROBLEMS[type(error)].status, retry_after_s)
    if isinstance(error, RateLimited):
        headers += rate_headers(error)
    return Reply(code.status, body_of(code, str(error)), headers=headers)


def body_of(code: Code, message: str) -> bytes:
    return orjson.dumps({"code": code.text, "message": message})
