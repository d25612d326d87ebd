"""Replies: a status, a body, and the headers that every answer has."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from sealring.admission.problems import problem_body, problem_headers
from sealring.errors import Violations


class Reply:
    """An answer before it is sent."""

    __slots__ = ("body", "cache_control", "content_type", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = "application/json",
        cache_control: str = "no-store",
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.cache_control = cache_control
        self.headers = headers

    @classmethod
    def json(cls, status: int, payload: object) -> Reply:
        return cls(status, orjson.dumps(payload))

    @classmethod
    def problem(  # noqa: PLR0913, PLR0917  what an error says
        cls,
        status: int,
        code: str,
        message: str,
        request_id: str,
        violations: Violations = (),
        retry_after_s: float | None = None,
        param: str | None = None,
    ) -> Reply:
        body = orjson.dumps(problem_body(code, message, request_id, violations, param))
        return cls(status, body, headers=problem_headers(status, retry_after_s))

    def fields(self, request_id: str) -> list[tuple[str, str]]:
        """Return all headers of the answer."""
        return [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", self.cache_control),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Request-ID", request_id),
            *self.headers,
        ]
