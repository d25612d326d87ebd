"""Routes: what stands behind a method and a path, and all that is said of it."""

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
    """A guarded route. Permission and stranger have no default: each route says whom it serves, and what others see."""

    method: str
    rule: str
    permission: Permission
    view: Callable[[AdmittedRequest], Reply]
    stranger: int  # the status for a caller of another organization, who asks for what is there
    answers: Mapping[int, type[Schema]]
    id: str = ""  # in the API's own description, as the rest
    tag: str = ""
    summary: str = ""
    text: str = ""
    failures: Failures = ()  # beyond those of every route
    body: Schema | None = None
    query: Schema | None = None
    repeatable: bool = False  # a repetition of a request gets the answer of the first


@dataclass(frozen=True, slots=True)
class Variant:
    """Another view of an open route, for `?<name>`."""

    view: Callable[[], Reply]
    text: str


@dataclass(frozen=True, slots=True)
class OpenRoute:
    """A route that anybody may call, and that tells nothing of anybody: health, the API's own description."""

    rule: str
    view: Callable[[], Reply]
    answers: Mapping[int, type[Schema] | str]  # a schema, or the media type of what has none
    id: str = ""
    summary: str = ""
    text: str = ""
    variants: Mapping[str, Variant] = field(default_factory=dict)
