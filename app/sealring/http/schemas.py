"""Schemas that several nouns share."""

from __future__ import annotations

from marshmallow import EXCLUDE, RAISE, Schema, fields

from sealring.admission.problems import FRAMEWORK_CODES, PROBLEMS

_CODES = sorted({*FRAMEWORK_CODES.values(), *(problem.code for problem in PROBLEMS.values())})


class Tolerant(Schema):
    """Of the compatible routes: SDKs send members of their own, which are ignored."""

    class Meta:
        unknown = EXCLUDE


class Strict(Schema):
    """Of our own routes: what is unknown is refused."""

    class Meta:
        unknown = RAISE


class Nothing(Strict):
    """A body that must be empty, or an empty object."""


class Answer(Schema):
    """Later versions may answer more members: clients ignore those that they do not know."""

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
    errors = fields.List(
        fields.Nested(Violation),
        metadata={
            "description": "Each member of the body that is refused; under `/sealring/v1` alone, where there is one."
        },
    )
