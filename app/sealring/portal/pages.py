"""The pages as one application: it answers each request, and catches everything."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from flask import Blueprint, Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from sealring.admission.fronts import FORM_S
from sealring.admission.portal_limits import PortalLimiter
from sealring.admission.problems import PROBLEMS, rate_headers
from sealring.admission.replies import Reply
from sealring.admission.requests import Request, trace_of
from sealring.admission.sources import source_of
from sealring.errors import InputError, KeyThrottled, LimitError, NotFound, PayloadTooLarge, RateLimited, SealringError
from sealring.observability import refusals
from sealring.observability.logs import Log
from sealring.portal import answers
from sealring.portal.frame import Frame, PortalServices, refuse, shown, token_of
from sealring.portal.links import LinkPages
from sealring.portal.look import Asset, Theme
from sealring.portal.status import StatusPages
from sealring.portal.texts import Texts, isolated
from sealring.portal.wizard import WizardPages

PREFIX = b"/portal"
MAX_FORM_BYTES = 64 << 10
MAX_FIELDS = 100
ROUTE = "/portal/{page}"  # as http/dispatch.py names it in metrics and logs

_FORM = "application/x-www-form-urlencoded"  # no page of ours sends another kind
_LATE = Reply(408, b"")
_REFUSED = "sealring.refused"  # in an environment: why the body was not read
_ASSETS = ("/portal/style.css", "/portal/script.js", "/portal/icon.svg", "/portal/logo")
_OF_REPLIES = {"content-type", "content-length", "cache-control", "x-content-type-options"}
_CACHED = "private, max-age=86400"  # pages name the version of what they load
_HTTP = {404: "missing", 405: "missing", 403: "refused", 413: "large"}


class PortalPages:
    """The Pages of the portal. Thread-safe."""

    max_form_bytes = MAX_FORM_BYTES

    def __init__(self, services: PortalServices, limiter: PortalLimiter, theme: Theme, log: Log) -> None:
        self._log = log
        self._theme = theme
        self._texts = Texts.load()
        self._rules = services.portal.rules
        self._host = answers.host_of(self._rules.url)
        self._app = self._made(services, Frame(services.portal, limiter, self._rules.url))

    def serves(self, path: bytes, host: str) -> bool:
        return host.lower() == self._host and (path == PREFIX or path.startswith(PREFIX + b"/"))

    def answer(self, request: Request, environ: Mapping[str, Any], request_id: str) -> Reply:
        with self._app.request_context(self._read(request, environ)):
            g.request_id, g.source, g.trace_id = request_id, source_of(request.peer), trace_of(request)
            return _reply(self._app.full_dispatch_request())

    def _read(self, request: Request, environ: Mapping[str, Any]) -> dict[str, Any]:
        """Return the environment with a body that was read completely, or with why it was not."""
        read: dict[str, Any] = {**environ, "wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}
        read.pop("HTTP_TRANSFER_ENCODING", None)
        if request.method != "POST":
            return read
        request.answer_by(time.monotonic() + FORM_S, _LATE)
        try:
            raw = request.body(self.max_form_bytes)
            if raw.count(b"&") >= MAX_FIELDS:  # reading twenty thousand takes a tenth of a second
                raise PayloadTooLarge("The form has too many fields.")
        except SealringError as error:
            return read | {_REFUSED: error}
        if not environ.get("CONTENT_TYPE", "").lower().startswith(_FORM):
            return read
        return read | {"wsgi.input": BytesIO(raw), "CONTENT_LENGTH": str(len(raw))}

    def _made(self, services: PortalServices, frame: Frame) -> Flask:
        app = Flask("sealring.portal", static_folder=None)
        app.url_map.merge_slashes = False  # no page leads anywhere by itself
        app.config.update(MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES, TRAP_HTTP_EXCEPTIONS=False)
        app.jinja_options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
        app.jinja_env.globals.update(
            t=self._texts,
            theme=self._theme,
            token_of=token_of,
            isolated=isolated,
        )
        app.jinja_env.filters["moment"] = moment
        blueprint = Blueprint("portal", "sealring.portal", template_folder="templates")
        LinkPages(frame).add_to(blueprint)
        WizardPages(frame, services, self._texts).add_to(blueprint)
        StatusPages(frame, services, self._texts).add_to(blueprint)
        self._add_assets(blueprint)
        app.register_blueprint(blueprint)
        app.before_request(_admit)
        app.after_request(answers.harden)
        app.register_error_handler(SealringError, self._refused)
        app.register_error_handler(HTTPException, self._unrouted)
        app.register_error_handler(Exception, self._failed)
        return app

    def _add_assets(self, blueprint: Blueprint) -> None:
        blueprint.add_url_rule("/portal/style.css", "style", lambda: _asset(self._theme.style))
        blueprint.add_url_rule("/portal/script.js", "script", lambda: _asset(self._theme.script))
        blueprint.add_url_rule("/portal/icon.svg", "icon", lambda: _asset(self._theme.icon, answers.IMAGE_POLICY))
        if self._theme.logo is not None:
            logo = self._theme.logo
            blueprint.add_url_rule("/portal/logo", "logo", lambda: _asset(logo, answers.IMAGE_POLICY))

    def _refused(self, error: SealringError) -> Response:
        refusals.count(error)
        problem = PROBLEMS[type(error)]
        self._log.refusal(
            request_id=g.request_id,
            trace_id=g.trace_id,
            route=f"{request.method} {ROUTE}",
            status=problem.status,
            code=problem.code,
            reason=getattr(error, "reason", ""),
        )
        response = shown("error.html", problem.status, said=_said(error))
        if isinstance(error, (KeyThrottled, RateLimited)) and error.retry_after_s is not None:
            response.headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
        if isinstance(error, RateLimited):
            response.headers.extend(rate_headers(error))
        return response

    def _unrouted(self, error: HTTPException) -> Response:
        return shown("error.html", error.code or 400, said=_HTTP.get(error.code or 400, "malformed"))

    def _failed(self, error: Exception) -> Response:
        told = {"request_id": g.request_id, "trace_id": g.trace_id, "route": f"{request.method} {ROUTE}"}
        self._log.fault("request failed", error, **told)
        return shown("error.html", 500, said="fault")


def _admit() -> None:
    """Raises what refused the body; Forbidden in a frame."""
    if (refused := request.environ.get(_REFUSED)) is not None:
        raise refused
    if request.path not in _ASSETS and answers.is_framed(request):
        refuse()


def _said(error: SealringError) -> str:
    """Return the name of a text: what a person can do, which is not what a program can."""
    if isinstance(error, PayloadTooLarge):
        return "large"
    if isinstance(error, InputError):
        return "malformed"
    if isinstance(error, NotFound):
        return "missing"
    return "busy" if isinstance(error, (LimitError, KeyThrottled)) else "unavailable"


def _asset(asset: Asset, policy: str = answers.POLICY) -> Response:
    response = Response(asset.body, content_type=asset.content_type)
    response.headers["Cache-Control"] = _CACHED
    response.headers["Content-Security-Policy"] = policy
    return response


def moment(microseconds: int) -> str:
    """Return a time for people: 30 Nov 2026, 22:17 UTC."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%-d %b %Y, %H:%M UTC")


def _reply(response: Response) -> Reply:
    headers = [(name, value) for name, value in response.headers if name.lower() not in _OF_REPLIES]
    return Reply(
        response.status_code,
        response.get_data(),
        content_type=response.headers["Content-Type"],
        cache_control=response.headers["Cache-Control"],
        headers=headers,
    )
