"""Visits: who asks for a page, from the cookie of its session, and the forms that a page of the session may send."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Request, Response

from sealring.crypto.form_token import form_token, is_form_token
from sealring.domain.portal import PortalSession
from sealring.domain.principal import Caller
from sealring.services.portal import Begun, Portal

COOKIE = "__Host-sealring-portal"
TOKEN = "token"  # noqa: S105  the name of a field


@dataclass(frozen=True, slots=True)
class Visit:
    """One request in a session."""

    session: PortalSession
    caller: Caller
    secret: str = field(repr=False)

    def token(self, action: str) -> str:
        """Return the token of the form that is sent to the path `action`."""
        return form_token(self.secret, action)

    def is_sent(self, request: Request) -> bool:
        """Whether the form is one that this session has got, for this path."""
        return is_form_token(request.form.get(TOKEN, ""), self.secret, request.path)


def visit_of(request: Request, portal: Portal, request_id: str, source: str) -> Visit | None:
    """Return the visit of a session that has not ended. Raises StoreError."""
    secret = request.cookies.get(COOKIE, "")
    session = portal.session(secret) if secret else None
    return None if session is None else Visit(session, session.caller(request_id, source), secret)


def remember(response: Response, begun: Begun) -> None:
    """Give the browser the only copy of the session's secret."""
    lasts_s = (begun.session.ends_at - begun.session.began_at) // 1_000_000
    response.set_cookie(COOKIE, begun.secret, max_age=lasts_s, secure=True, httponly=True, samesite="Lax")


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="Lax")
