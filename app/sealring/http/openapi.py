"""The OpenAPI document, generated from the routes and their marshmallow schemas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from sealring.admission.problems import FRAMEWORK_CODES, PROBLEMS, problem_body
from sealring.admission.routes import OpenRoute, Route
from sealring.domain.context import MAX_KEY_CHARACTERS, MAX_PAIRS, MAX_VALUE_CHARACTERS, ORGANIZATION_KEYS
from sealring.domain.record import MAX_NAME_CHARACTERS
from sealring.http.descriptions import ABOUT, IDEMPOTENCY_KEY, PATH_PARAMETERS, TAGS
from sealring.http.errors_page import meaning
from sealring.http.examples import example_of
from sealring.http.failures import EVERY_ROUTE
from sealring.http.fields import KeyContextField, NameField
from sealring.http.schemas import Problem

OPENAPI_VERSION = "3.1.0"

Json = dict[str, Any]

_PLACEHOLDER = re.compile(r"<(?:\w+:)?(\w+)>")
_REQUEST_ID = {"X-Request-ID": "RequestId"}
_STATUS_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Challenge"},
    429: {"Retry-After": "RetryAfter", "RateLimit-Policy": "RateLimitPolicy", "RateLimit": "RateLimit"},
    503: {"Retry-After": "RetryAfter"},
}


def describe(routes: Iterable[Route], open_routes: Iterable[OpenRoute]) -> Json:
    """Return the document of these routes."""
    spec = APISpec(
        title="sealring",
        version=version("sealring"),
        openapi_version=OPENAPI_VERSION,
        plugins=[_Plugin(schema_name_resolver=lambda schema: _class_of(schema).__name__)],
        info={"description": ABOUT},
        servers=[{"url": "/"}],
        security=[{"token": []}],
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    _add_components(spec)
    for route in routes:
        spec.path(_path(route.rule), operations={route.method.lower(): _guarded(route)})
    for open_route in open_routes:
        spec.path(open_route.rule, operations={"get": _open(open_route)})
    return spec.to_dict()


def _add_components(spec: APISpec) -> None:
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    text = "A JWT of an issuer that the settings name. In the official SDKs it is the API key."
    spec.components.security_scheme("token", {**bearer, "description": text})
    spec.components.header("RequestId", {"description": "Names the request in logs.", "schema": {"type": "string"}})
    spec.components.header("RetryAfter", {"description": "Seconds to wait.", "schema": {"type": "integer"}})
    spec.components.header(
        "RateLimitPolicy", {"description": "The limit, only with `rate_limited`.", "schema": {"type": "string"}}
    )
    spec.components.header(
        "RateLimit", {"description": "What is left of it, only with `rate_limited`.", "schema": {"type": "string"}}
    )
    spec.components.header(
        "Replayed",
        {
            "description": "`true` if an earlier attempt of the request made the change, and this one made none.",
            "schema": {"type": "string", "enum": ["true"]},
        },
    )
    spec.components.header("Challenge", {"description": "`Bearer`.", "schema": {"type": "string"}})


def _guarded(route: Route) -> Json:
    parameters = [{"in": "path", "name": name, "required": True, **PATH_PARAMETERS[name]} for name in _names(route)]
    described: Json = {
        "operationId": route.id,
        "summary": route.summary,
        "description": f"{route.text}\n\nNeeds `{route.permission.value}`.",
        "tags": [route.tag],
        "x-required-permission": route.permission.value,
        "parameters": parameters,
        "responses": {str(status): _success(status, schema) for status, schema in route.answers.items()},
    }
    if route.items:
        described["responses"]["200"]["description"] += _codes_of_items(route)
    if route.query is not None:
        parameters.append({"in": "query", "schema": route.query})
    if route.repeatable:
        parameters.append(dict(IDEMPOTENCY_KEY))
        for status in route.answers:
            answer = described["responses"][str(status)]
            answer["headers"] = {**answer["headers"], "Idempotent-Replayed": "Replayed"}
    if route.body is not None:
        described["requestBody"] = {
            "content": _json(route.body, example_of(route.body)),
            "required": any(field.required for field in route.body.fields.values()),
        }
    described["responses"].update(_refusals(route))
    return described


def _open(route: OpenRoute) -> Json:
    return {
        "operationId": route.id,
        "summary": route.summary,
        "description": route.text,
        "tags": ["Service"],
        "security": [],
        "parameters": [_flag(name, variant.text) for name, variant in route.variants.items()],
        "responses": {str(status): _success(status, answer) for status, answer in route.answers.items()},
    }


def _flag(name: str, text: str) -> Json:
    return {"in": "query", "name": name, "description": text, "allowEmptyValue": True, "schema": {"type": "string"}}


def _names(route: Route) -> list[str]:
    return _PLACEHOLDER.findall(route.rule)


def _path(rule: str) -> str:
    return _PLACEHOLDER.sub(r"{\1}", rule)


def _success(status: int, answer: type[Schema] | str) -> Json:
    if isinstance(answer, str):
        content: Json = {answer: {"schema": {"type": "object" if answer == "application/json" else "string"}}}
    else:
        content = _json(answer(), example_of(answer()))
    return {"description": HTTPStatus(status).phrase, "headers": _REQUEST_ID, "content": content}


def _refusals(route: Route) -> Json:
    """Return the errors of a route by status, with the meaning of each code."""
    found: dict[int, list[tuple[str, str]]] = {}
    for failure in (*EVERY_ROUTE, *route.failures):
        status, code, _ = PROBLEMS[failure]
        found.setdefault(status, []).append((code, meaning(failure)))
    found[500].append((FRAMEWORK_CODES[500], "A defect of the server."))
    if route.body is not None:
        found[415] = [(FRAMEWORK_CODES[415], "The body is not declared as JSON.")]
    return {str(status): _refusal(status, found[status]) for status in sorted(found)}


def _codes_of_items(route: Route) -> str:
    codes = "".join(f"\n* `{PROBLEMS[failure].code}`: {meaning(failure)}" for failure in route.items)
    return f". The `error` of an item has one of these codes:\n{codes}"


def _refusal(status: int, codes: Sequence[tuple[str, str]]) -> Json:
    example = problem_body(codes[0][0], "What is wrong. What to do.", "5d41402abc4b2a76b9719d911017c592")
    return {
        "description": "\n".join(f"* `{code}`: {text}" for code, text in codes),
        "headers": {**_REQUEST_ID, **_STATUS_HEADERS.get(status, {})},
        "content": _json(Problem(), example),
    }


def _json(schema: Schema, example: Json) -> Json:
    return {"application/json": {"schema": schema, "examples": {"example": {"value": example}}}}


class _Converter(OpenAPIConverter):
    """Converts fields to JSON Schema, with the rules of our own fields."""

    def field2property(self, field: fields.Field[Any]) -> Json:
        return super().field2property(field) | _limits(field)

    def field2default(self, field: fields.Field[Any], **kwargs: Any) -> Json:
        """Leave out a default that only means that nothing was sent."""
        return {} if field.load_default in {None, ""} else super().field2default(field, **kwargs)

    def schema2parameters(self, schema: Any, **kwargs: Any) -> list[Json]:
        """Leave out null, which a query cannot express: a field with the default None would allow it."""
        return [
            {**each, "schema": {name: _without_null(rule) for name, rule in each["schema"].items()}}
            for each in super().schema2parameters(schema, **kwargs)
        ]


class _Plugin(MarshmallowPlugin):
    Converter = _Converter


def _without_null(rule: Any) -> Any:
    if not isinstance(rule, list):
        return rule
    left = [each for each in rule if each not in {None, "null"}]
    return left[0] if rule[-1] == "null" else left


def _limits(field: fields.Field[Any]) -> Json:
    if isinstance(field, NameField):
        return {"minLength": 1, "maxLength": MAX_NAME_CHARACTERS, "pattern": r"^[^\u0000-\u001F\u007F-\u009F]*$"}
    if isinstance(field, KeyContextField):
        return {
            "type": ["object", "null"] if field.allow_none else "object",
            "minProperties": 1,
            "maxProperties": MAX_PAIRS,
            "propertyNames": _text(MAX_KEY_CHARACTERS),
            "properties": {key: {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"} for key in ORGANIZATION_KEYS},
            "additionalProperties": {"type": "string", **_text(MAX_VALUE_CHARACTERS)},
        }
    return {}


def _text(limit: int) -> Json:
    return {"minLength": 1, "maxLength": limit, "pattern": r"^[^\u0000]*$"}


def _class_of(schema: Any) -> type[Schema]:
    return schema if isinstance(schema, type) else type(schema)
