"""The guard: authenticates a request, checks its limits, its permission and its form, and hands it to a view.

Limits of the headers, then authentication, limits and permission, then the query, then the body: nothing is read before
the caller is known, and nothing over a limit is parsed.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from marshmallow import RAISE, Schema, ValidationError

from sealring.admission.declarations import check_declared, check_unconditional
from sealring.admission.idempotency import Fingerprint, idempotent_request
from sealring.admission.limits import Limiter
from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest, Request
from sealring.admission.routes import Route
from sealring.admission.sources import source_of
from sealring.auth.service_token import Authenticates
from sealring.domain.principal import REQUEST_S, Caller, Permission, Principal
from sealring.domain.strict_json import MalformedJson, parse_object
from sealring.errors import InvalidBody, InvalidKeyContext, MalformedRequest, Violations
from sealring.fibers import heavy
from sealring.observability import metrics
from sealring.observability.trail import Layer, spent, waited

_ACCEPTED = metrics.AUTH.of(outcome="accepted", reason="none")

T = TypeVar("T")

_MEMBER = re.compile(r"[a-z][A-Za-z_]{0,31}")
_MAX_VIOLATIONS = 20
MAX_BATCH_BYTES = 8 << 20
MAX_BATCH_ITEMS = 20_000  # of JSON: those of a thousand items that have ten pairs each
MAX_ITEMS = 1_000  # of a body: those of routes have some fifty, and each costs microseconds before it is refused
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a call of another front is admitted."""

    permission: Permission
    max_bytes: int  # of its body
    until: float | None = None  # by time.monotonic(): the end of the client's patience


class Guard:
    """Admits requests. Thread-safe."""

    def __init__(self, authenticator: Authenticates, fingerprint: Fingerprint, limiter: Limiter) -> None:
        self._authenticator = authenticator
        self._fingerprint = fingerprint
        self._limiter = limiter

    def answer(self, route: Route, request: Request, path: Mapping[str, str], request_id: str) -> Reply:
        """Return the view's reply to a request that passes all checks. It has its turn until then.

        Raises AccessError, LimitError, InputError, UnsupportedMediaType, and what the view raises.
        """
        principal = self._authenticated(request)
        known = time.monotonic()
        turn = self._limiter.enter(principal)
        try:
            principal.require(route.permission)
            query, raw = _received(route, request, turn.owner)
            turn.begin()  # a request that takes work to refuse has its turn for that too
            spent(Layer.QUEUE, known, time.monotonic())
            body = _body(route, raw, request)
            if route.items:
                turn.count(len(body["items"]))
            idempotent = idempotent_request(principal, request, raw, self._fingerprint) if route.repeatable else None
            source = source_of(request.peer)
            caller = Caller(
                principal,
                request_id,
                idempotent,
                source=source,
                acts_for=turn.acts_for,
                count=turn.count,
                items_for=turn.items_for,
                places=turn.places,
            )
            return route.view(AdmittedRequest(caller, path, query, body))
        finally:
            turn.leave()

    def admit(self, request: Request, terms: Terms, request_id: str, work: Callable[[Caller, bytes], T]) -> T:
        """Return what `work` makes of the caller and the bytes of the body, if the request passes all other checks.

        Raises AccessError, LimitError, InputError, and what `work` raises.
        """
        principal = self._authenticated(request)
        known = time.monotonic()
        turn = self._limiter.enter(principal)
        try:
            principal.require(terms.permission)
            raw = request.body(terms.max_bytes, turn.owner)
            turn.begin()
            now = time.monotonic()
            spent(Layer.QUEUE, known, now)
            deadline = now + REQUEST_S if terms.until is None else min(now + REQUEST_S, terms.until)
            caller = Caller(
                principal,
                request_id,
                deadline=deadline,
                source=source_of(request.peer),
                acts_for=turn.acts_for,
                count=turn.count,
                items_for=turn.items_for,
            )
            return work(caller, raw)
        finally:
            turn.leave()

    def _authenticated(self, request: Request) -> Principal:
        authorization = request.header("authorization")
        values = [] if authorization is None else [authorization]
        principal = waited(Layer.AUTH, partial(self._authenticator.authenticate, values))
        _ACCEPTED.add()
        return principal


def _received(route: Route, request: Request, owner: Hashable) -> tuple[Mapping[str, Any], bytes]:
    """Return the query, and the bytes of the body."""
    if route.method != "GET":
        check_unconditional(request)
    query = {} if route.query is None else _query(route.query, request.query)
    if route.body is None:
        return query, b""
    return query, request.body(MAX_BATCH_BYTES if route.items else None, owner)


def _body(route: Route, raw: bytes, request: Request) -> Mapping[str, Any]:
    if route.body is None:
        return {}
    if route.items:  # its items are small, and each takes as long as some bytes more
        return heavy(partial(_loaded, route.body, raw, request, MAX_BATCH_ITEMS), len(raw) * 4)
    return heavy(partial(_loaded, route.body, raw, request, MAX_ITEMS), len(raw))


def _loaded(schema: Schema, raw: bytes, request: Request, max_items: int) -> Mapping[str, Any]:
    if raw:
        check_declared(request)
    try:
        members = parse_object(raw, max_items) if raw or schema.fields else {}
        loaded: Mapping[str, Any] = schema.load(members)
    except MalformedJson as error:
        raise MalformedRequest(f"The body is refused: {error}. Send one JSON object.") from error
    except ValidationError as error:
        raise invalid(error.with_traceback(None)) from None  # marshmallow's frames keep themselves and the body alive
    return loaded


def request_id_of(request: Request) -> str:
    """Return the caller's request id if it is well-formed, else a new one."""
    given = request.header("x-request-id")
    return given if given is not None and _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


def _query(schema: Schema, text: str) -> Mapping[str, Any]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=50)
        loaded: Mapping[str, Any] = schema.load(_once(pairs, schema))
    except ValidationError as error:
        error.with_traceback(None)  # as above
        if schema.unknown == RAISE:
            raise invalid(error) from None
        parameter, wrong = _violations(error)[0]
        raise MalformedRequest(f"Query parameter {parameter}: {wrong}", parameter) from None
    except ValueError as error:
        raise MalformedRequest("The query cannot be read. Send percent-encoded UTF-8.") from error
    return loaded


def _once(pairs: Sequence[tuple[str, str]], schema: Schema) -> Mapping[str, str]:
    """Raises MalformedRequest if a known parameter comes twice: a proxy and we could each use a different one."""
    query: dict[str, str] = {}
    for name, text in pairs:
        if name in query and name in schema.fields:
            raise MalformedRequest(f"Query parameter {name}: it is there twice. Send it once.", name)
        query[name] = text
    return query


def invalid(error: ValidationError) -> InvalidBody:
    """Return one error that names every violation, with those of a key context first, as people look for them."""
    violations = _violations(error)
    context = [text for _, text in violations if text.startswith("Invalid key context")]
    others = [f"{name}: {text}" for name, text in violations if text not in context]
    kind = InvalidKeyContext if context else InvalidBody
    return kind(" ".join((*context, *others)), violations)


def _violations(error: ValidationError) -> Violations:
    found = [(_shown(name), text) for name, told in error.messages_dict.items() for text in dict.fromkeys(_texts(told))]
    return found[:_MAX_VIOLATIONS]


def _texts(told: object) -> Iterator[str]:
    """Yield the texts about a member; those about a member of it stand under its name, which is the client's."""
    if isinstance(told, Mapping):
        for inner in told.values():
            yield from _texts(inner)
    elif isinstance(told, list):
        yield from map(str, told)


def _shown(name: object) -> str:
    """Return a member's name if it could be one of ours: any other text of a client may be a secret."""
    return name if isinstance(name, str) and _MEMBER.fullmatch(name) else "(unknown)"
