"""Schemas that several groups of routes share."""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, fields

from sealring.admission.problems import FRAMEWORK_CODES, PROBLEMS
from sealring.http.quick import checker_of

_CODES = sorted({*FRAMEWORK_CODES.values(), *(problem.code for problem in PROBLEMS.values())})


class _Quick(Schema):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._check = checker_of(self)

    def load(self, data: Any, **options: Any) -> Any:
        loaded = None if self._check is None or options else self._check(data)
        return super().load(data, **options) if loaded is None else loaded


class Tolerant(_Quick):
    """For the compatible routes: unknown members are ignored, as SDKs send some of their own."""

    class Meta:
        unknown = EXCLUDE


class Strict(_Quick):
    """For our own routes: unknown members are refused."""

    class Meta:
        unknown = RAISE


class Nothing(Strict):
    """A body that must be empty, or an empty object."""


class Answer(Schema):
    """Later versions may have more members: clients ignore those that they do not know."""

    class Meta:
        unknown = EXCLUDE


class Violation(Answer):
    code = fields.String(required=True)
    field = fields.String(required=True, metadata={"description": "The member of the body."})
    message = fields.String(required=True)


class Problem(Answer):
    error = fields.String(required=True, metadata={"description": "The same text as `message`."})
    message = fields.String(required=True, metadata={"description": "What is wrong, and what to do."})
    code = fields.String(required=True, metadata={"description": "For programs.", "enum": _CODES})
    request_id = fields.String(required=True, metadata={"description": "The `X-Request-ID` of the answer."})
    doc_url = fields.String(
        required=True, metadata={"description": "A page about the code, relative to the URL of the request."}
    )
    param = fields.String(
        metadata={
            "description": "The field of the body, the query parameter or the header that is refused, if it is one."
        }
    )
    errors = fields.List(
        fields.Nested(Violation),
        metadata={
            "description": "Each member of the body that is refused; only under `/sealring/v1`, if there is one."
        },
    )
