"""Dispatch: passes each request to its route, or refuses it.

Flask's own request handling takes a hundred microseconds for features that we do not use (sessions, hooks, signals),
and can refuse a request because of its Host header. So requests are matched here, against Flask's URL map.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flask import Flask
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter

from sealring.admission.declarations import UnsupportedMediaType
from sealring.admission.fronts import Front, Pages, Respond
from sealring.admission.guard import Guard, request_id_of
from sealring.admission.problems import FRAMEWORK_CODES, FRAMEWORK_MESSAGES, PROBLEMS, param_of, rate_headers
from sealring.admission.replies import Reply
from sealring.admission.requests import Request, trace_of
from sealring.admission.routes import OpenRoute, Route
from sealring.errors import InvalidBody, KeyFailure, KeyThrottled, RateLimited, SealringError, StoreLost, Violations
from sealring.http.bodies import Bodies
from sealring.http.paths import Paths, hides_slash
from sealring.http.problem_page import as_asked
from sealring.http.wsgi import Environ, StartResponse, WsgiRequest, send
from sealring.observability import metrics, refusals, trace_context
from sealring.observability.logs import Log
from sealring.observability.requests import NO_ROUTE, RouteRequests, Telling, route_name
from sealring.observability.series import OTHER

PAGE = "/portal/<page>"  # every page, as it is named in metrics and logs: their paths have ids
_COMPATIBLE = ("/vault/", "/portal/")  # routes whose clients show a list of violations instead of the message


class Endpoint(NamedTuple):
    """What answers a request, and whether it may block for anything but the store and providers."""

    respond: Respond
    blocks: bool = False
    tail: str = ""  # of its rule, after the last value; empty if it has none


class Found(NamedTuple):
    """The endpoint of a request, with the values in its path."""

    endpoint: Endpoint
    values: Mapping[str, Any]


class WholePathConverter(BaseConverter):
    """The rest of the path with all its slashes: an object's name, for example."""

    part_isolating = False
    regex = "(?s:.+)"


class Server(Flask):
    """The WSGI application."""

    def __init__(  # noqa: PLR0913  its parts
        self,
        guard: Guard,
        bodies: Bodies,
        routes: Iterable[Route],
        open_routes: Iterable[OpenRoute],
        log: Log,
        *,
        telling: Telling | None = None,
    ) -> None:
        """`telling`: what is told of each request beside the metrics; nothing if it is None."""
        super().__init__("sealring", static_folder=None)
        self.max_body_bytes = bodies.max_bytes
        self._guard = guard
        self._bodies = bodies
        self._log = log
        self._fronts: list[Front] = []
        self._pages: Pages | None = None
        self._page: dict[str, Respond] = {}  # what answers for the pages, by method
        self._telling = telling or Telling(log)
        self._endpoints: dict[str, Endpoint] = {}
        self._paths: Paths[Endpoint] = Paths()
        self.url_map.merge_slashes = False
        self.url_map.strict_slashes = True
        self.url_map.converters["whole"] = WholePathConverter
        for route in routes:
            respond = self._observed(route.method, route.rule, self._guarded(route))
            self._add(route.method, route.rule, Endpoint(respond))
        for open_route in open_routes:
            respond = self._observed("GET", open_route.rule, self._open(open_route))
            self._add("GET", open_route.rule, Endpoint(respond, open_route.blocks))
        self._unrouted = {method: self._requests(method, NO_ROUTE) for method in (*metrics.METHODS, OTHER)}
        self._match = self.url_map.bind("sealring").match

    def mount(self, front: Front) -> None:
        """Serve another protocol beside the routes. Call it before the first request."""
        for path, respond in front.posts.items():
            self._add("POST", path, Endpoint(self._observed("POST", path, respond)))
        self._fronts.append(front)

    def show(self, pages: Pages) -> None:
        """Show pages for people where no route is. Call it before the first request."""

        def answer(request: Request, values: Mapping[str, Any], request_id: str) -> Reply:
            try:
                return pages.answer(request, values["environ"], request_id)
            except Exception as error:  # noqa: BLE001  as of routes
                return self._fault(error, f"{request.method} {PAGE}", request, request_id)

        self._pages = pages
        self._page = {method: self._observed(method, PAGE, answer) for method in ("GET", "HEAD", "POST")}

    def wsgi_app(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = WsgiRequest(environ, self._bodies)
        request_id, began = request_id_of(request), time.monotonic()
        try:
            endpoint, values = self._found(request)
            reply = endpoint.respond(request, values, request_id)
        except HTTPException as error:
            page = self._page_at(error, request, environ)
            if page is not None:
                reply = page(request, {"environ": environ}, request_id)
            else:
                reply = self._refused(error, request, request_id)
                unrouted = self._unrouted.get(request.method) or self._unrouted[OTHER]
                unrouted.answered(reply.status, time.monotonic() - began)
        self._bodies.discard(environ)
        return send(reply, request, start_response, request_id)

    def hot(self, request: Request) -> Found | None:
        """Return the endpoint of a request that can be answered on an event loop; None: leave it to Flask."""
        try:
            found = self._found(request)
        except HTTPException:
            return None
        return None if found.endpoint.blocks else found

    def pages_for(self, path: bytes, host: str) -> Pages | None:
        """Return the pages if one may be there, as far as no route is."""
        return self._pages if self._pages is not None and self._pages.serves(path, host) else None

    def _found(self, request: Request) -> Found:
        """Raises HTTPException."""
        try:
            path = request.path.decode()
        except UnicodeDecodeError:
            raise BadRequest from None
        found = self._paths.find(request.method, path) or self._matched(request.method, path)
        if path.startswith("//"):  # Werkzeug reads it as one slash; a proxy's path rules do not
            raise NotFound
        if "%" in request.target and hides_slash(request.target, path, found[1], found[0].tail):
            raise NotFound
        return Found(*found)

    def _matched(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, Any]]:
        endpoint, values = self._match(path, method)
        return self._endpoints[endpoint], values

    def _add(self, method: str, rule: str, endpoint: Endpoint) -> None:
        name = f"{method} {rule}"
        endpoint = endpoint._replace(tail=rule.rpartition(">")[2] if "<" in rule else "")
        self._endpoints[name] = endpoint
        self._paths.add(method, rule, endpoint)
        self.add_url_rule(rule, name, methods=[method], provide_automatic_options=False)

    def _requests(self, method: str, rule: str) -> RouteRequests:
        return RouteRequests.of(self._telling, method, rule)

    def _observed(self, method: str, rule: str, respond: Respond) -> Respond:
        """Count what `respond` answers, and tell what is to be told of it."""
        requests = self._requests(method, rule)

        def counted(request: Request, values: Mapping[str, Any], request_id: str) -> Reply:
            began = time.monotonic()
            reply = respond(request, values, request_id)
            requests.answered(reply.status, time.monotonic() - began)
            return reply

        def followed(request: Request, values: Mapping[str, Any], request_id: str) -> Reply:
            context = trace_context.parse(request.header("traceparent"))
            return requests.follow(request_id, context, lambda: respond(request, values, request_id))

        return followed if self._telling.follows else counted

    def _guarded(self, route: Route) -> Respond:
        def respond(request: Request, values: Mapping[str, Any], request_id: str) -> Reply:
            try:
                return self._answered(route, request, values, request_id)
            except SealringError as error:
                return self._problem(error, route, request, request_id)
            except UnsupportedMediaType as error:
                return _framework_problem(415, request_id, error.accepted, message=str(error))
            except Exception as error:  # noqa: BLE001  the last resort: never send a stack trace
                return self._fault(error, f"{route.method} {route.rule}", request, request_id)

        return respond

    def _open(self, route: OpenRoute) -> Respond:
        def respond(request: Request, values: Mapping[str, Any], request_id: str) -> Reply:  # noqa: ARG001
            named = (part.partition("=")[0] for part in request.query.split("&"))
            view = next((route.variants[name].view for name in named if name in route.variants), route.view)
            try:
                return view()
            except Exception as error:  # noqa: BLE001  as above
                return self._fault(error, f"GET {route.rule}", request, request_id)

        return respond

    def _page_at(self, error: HTTPException, request: Request, environ: Environ) -> Respond | None:
        """Return what answers a request for a page; None if there are no pages, or none may be there."""
        if not isinstance(error, NotFound) or self.pages_for(request.path, environ.get("HTTP_HOST", "")) is None:
            return None
        return self._page.get(request.method)

    def _refused(self, error: HTTPException, request: Request, request_id: str) -> Reply:
        """Return the answer to a request for which the URL map has no route."""
        for front in self._fronts:
            if request.path.startswith(front.prefix.encode()):
                return front.refused(error.code or 400, request_id)
        return as_asked(request, _refused(error, request_id))

    def _fault(self, error: Exception, route: str, request: Request, request_id: str) -> Reply:
        told = {"request_id": request_id, "trace_id": trace_of(request), "route": route_name(route)}
        self._log.fault("request failed", error, **told)
        return as_asked(request, _framework_problem(500, request_id))

    def _answered(self, route: Route, request: Request, values: Mapping[str, Any], request_id: str) -> Reply:
        """Log each kind of failure that items of a batch have, once."""
        reply = self._guard.answer(route, request, values, request_id)
        if reply.failures:
            for error in {(type(each), _reason(each)): each for each in reply.failures}.values():
                self._log_refusal(error, route, request, request_id)
        return reply

    def _log_refusal(self, error: SealringError, route: Route, request: Request, request_id: str) -> None:
        refusals.count(error)
        problem = PROBLEMS[type(error)]
        self._log.refusal(
            request_id=request_id,
            trace_id=trace_of(request),
            route=route_name(f"{route.method} {route.rule}"),
            status=problem.status,
            code=problem.code,
            reason=_reason(error),
            provider_request_id=error.provider_request_id if isinstance(error, KeyFailure) else "",
        )

    def _problem(self, error: SealringError, route: Route, request: Request, request_id: str) -> Reply:
        problem = PROBLEMS[type(error)]
        self._log_refusal(error, route, request, request_id)
        if isinstance(error, StoreLost):
            self._log.alarm(problem.code, str(error))
        violations: Violations = ()
        if isinstance(error, InvalidBody) and not route.rule.startswith(_COMPATIBLE):
            violations = error.violations
        retry_after_s = error.retry_after_s if isinstance(error, (KeyThrottled, RateLimited)) else None
        reply = Reply.problem(
            problem.status, problem.code, str(error), request_id, violations, retry_after_s, param_of(error)
        )
        if isinstance(error, RateLimited):
            reply.headers = (*reply.headers, *rate_headers(error))
        return as_asked(request, reply)


def _reason(error: SealringError) -> str:
    reason: str = getattr(error, "reason", "")
    return reason


def _refused(error: HTTPException, request_id: str) -> Reply:
    if isinstance(error, BadRequest):
        return _framework_problem(400, request_id)
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return _framework_problem(405, request_id, ("Allow", allowed))
    return _framework_problem(404, request_id)


def _framework_problem(status: int, request_id: str, *headers: tuple[str, str], message: str | None = None) -> Reply:
    reply = Reply.problem(status, FRAMEWORK_CODES[status], message or FRAMEWORK_MESSAGES[status], request_id)
    reply.headers = (*reply.headers, *headers)
    return reply
