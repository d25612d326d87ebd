"""Fronts: other protocols than the JSON of routes, each under a prefix of paths where every answer has its shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sealring.admission.replies import Reply
from sealring.admission.requests import Request

FORM_S = 5.0  # for the form of a page, which strangers send: those of people arrive in one piece

Respond = Callable[[Request, Mapping[str, Any], str], Reply]  # the request, the values in its path, its id


class Pages(Protocol):
    """Pages for people, under paths that no route has. Thread-safe; an answer may wait for providers."""

    @property
    def max_form_bytes(self) -> int:
        """How long the body of a form may be."""

    def serves(self, path: bytes, host: str) -> bool:
        """Whether a page may be there; `host` is what the client calls us."""

    def answer(self, request: Request, environ: Mapping[str, Any], request_id: str) -> Reply:
        """Answer a request of WSGI. Raises nothing."""


class Front(Protocol):
    """What the server of routes needs to know of another protocol. Thread-safe."""

    @property
    def prefix(self) -> str:
        """Every path that begins with this text is of this front."""

    @property
    def posts(self) -> Mapping[str, Respond]:
        """What answers a POST, by path. It raises nothing."""

    def refused(self, status: int, request_id: str) -> Reply:
        """Return the answer to a request that nothing here takes: status 400, 404 or 405."""
