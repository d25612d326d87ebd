"""Routes: everything about a method and a path, from the permission to the text of its description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from marshmallow import Schema

from sealring.admission.replies import Reply
from sealring.admission.requests import AdmittedRequest
from sealring.domain.principal import Permission
from sealring.errors import SealringError

Failures = tuple[type[SealringError], ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A guarded route. `permission` and `stranger` have no default, so that no route can forget them."""

    method: str
    rule: str
    permission: Permission
    view: Callable[[AdmittedRequest], Reply]
    stranger: int  # the status for a caller of another organization who asks for something that exists
    answers: Mapping[int, type[Schema]]
    id: str = ""  # of the operation in the OpenAPI document, as the texts below
    tag: str = ""
    summary: str = ""
    text: str = ""
    failures: Failures = ()  # in addition to those of every route
    body: Schema | None = None
    query: Schema | None = None
    repeatable: bool = False  # a repetition of a request gets the answer of the first
    items: Failures = ()  # of a batch: the body has a list `items`, each counts as a request, and has such a failure


@dataclass(frozen=True, slots=True)
class Variant:
    """Another view of an open route, for `?<name>`."""

    view: Callable[[], Reply]
    text: str


@dataclass(frozen=True, slots=True)
class OpenRoute:
    """A route that needs no token and reveals nothing about tenants: health, the OpenAPI document."""

    rule: str
    view: Callable[[], Reply]
    answers: Mapping[int, type[Schema] | str]  # a schema, or a media type if there is none
    id: str = ""
    summary: str = ""
    text: str = ""
    variants: Mapping[str, Variant] = field(default_factory=dict)
    blocks: bool = False  # its views wait for more than the store and providers
