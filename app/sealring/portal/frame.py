"""The frame of every page: who may see it, which forms are accepted, and how an answer is made of a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from flask import Response, g, make_response, redirect, render_template, request
from werkzeug.exceptions import Forbidden

from sealring.admission.portal_limits import PortalLimiter
from sealring.crypto.form_token import form_token
from sealring.portal import answers
from sealring.portal.forms import typed_in
from sealring.portal.visits import Visit, visit_of
from sealring.services.bindings import Bindings
from sealring.services.key_checks import KeyChecks
from sealring.services.limits import Usages
from sealring.services.portal import Portal
from sealring.services.setups import Setups

View = Callable[..., Response]
START = "/portal/start"


@dataclass(frozen=True, slots=True)
class PortalServices:
    """All that the pages can do. None of it knows an object."""

    portal: Portal
    bindings: Bindings
    setups: Setups
    checks: KeyChecks
    usages: Usages


@dataclass(frozen=True, slots=True)
class Frame:
    """What the pages share. Thread-safe."""

    portal: Portal
    limiter: PortalLimiter
    origin: str  # of the pages

    def visit(self) -> Visit | None:
        return visit_of(request, self.portal, g.request_id, g.source)

    def page(self, view: View) -> View:
        """Show a page to whoever is in a session."""

        def shown(**values: Any) -> Response:
            visit = self.visit()
            return over() if visit is None else self._in_turn(visit, view, values)

        return shown

    def form(self, view: View, stale: View | None = None) -> View:
        """Do what a form of ours asks for. `stale` answers one that another session got; nothing is done for it."""

        def sent(**values: Any) -> Response:
            self.require_ours()
            visit = self.visit()
            if visit is None:
                return over(request.path, typed_in(request.form))
            if not visit.is_sent(request):
                return refuse() if stale is None else self._in_turn(visit, stale, values)
            return self._in_turn(visit, view, values)

        return sent

    def require_ours(self) -> None:
        if not answers.is_ours(request, self.origin):
            refuse()

    def _in_turn(self, visit: Visit, view: View, values: Mapping[str, Any]) -> Response:
        g.visit = visit
        with self.limiter.turn(visit.session):
            return view(visit, **values)


def refuse() -> NoReturn:
    """Raises Forbidden, of a request that no page of ours made."""
    raise Forbidden


def over(action: str = "", kept: Mapping[str, str] | None = None) -> Response:
    """Answer a request without a session. What was typed comes back, to be sent in the next session."""
    return shown("over.html", 403, action=action, kept={name: text for name, text in (kept or {}).items() if text})


def shown(template: str, status: int = 200, **values: Any) -> Response:
    return make_response(render_template(template, **values), status)


def go(path: str) -> Response:
    """Lead on to a page of ours after a form: it is shown by GET, so that a reload repeats nothing."""
    return make_response(redirect(path, 303))


def token_of(action: str) -> str:
    """Return the token of a form of the page that is being made; empty outside of a session."""
    visit: Visit | None = g.get("visit")
    return "" if visit is None else form_token(visit.secret, action)
