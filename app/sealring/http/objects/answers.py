"""What we answer: the shapes, for the OpenAPI document. The renderers in render.py make them."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields

from sealring.admission.problems import FRAMEWORK_CODES, PROBLEMS
from sealring.http import examples

_CODES = sorted({*FRAMEWORK_CODES.values(), *(problem.code for problem in PROBLEMS.values())})


class Answer(Schema):
    """Later versions may answer more members: clients ignore those that they do not know."""

    class Meta:
        unknown = EXCLUDE


class Actor(Answer):
    id = fields.String(required=True, metadata={"description": "The token's subject.", "examples": ["billing"]})
    name = fields.String(
        required=True, metadata={"description": "The token's name claim, else the subject.", "examples": ["Billing"]}
    )


class ObjectMetadata(Answer):
    id = fields.String(
        required=True,
        metadata={
            "description": "The object's id.",
            "pattern": "^secret_[0-9A-F]{32}$",
            "examples": [examples.OBJECT_ID],
        },
    )
    environment_id = fields.String(
        required=True,
        metadata={
            "description": "The environment that the token belongs to.",
            "pattern": "^environment_[0-7][0-9A-HJKMNP-TV-Z]{25}$",
            "examples": [examples.ENVIRONMENT_ID],
        },
    )
    key_id = fields.UUID(
        required=True, metadata={"description": "The (first) KEK of the version.", "examples": [examples.KEY_ID]}
    )
    updated_by = fields.Nested(Actor, required=True, metadata={"description": "Who wrote the version."})
    updated_at = fields.DateTime(
        required=True,
        metadata={"description": "When the object was written last, in UTC.", "examples": [examples.MOMENT]},
    )
    context = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "The key context.", "examples": [examples.CONTEXT]},
    )
    version_id = fields.UUID(
        required=True,
        metadata={"description": "Changes with every value; send it as `version_check`.", "examples": [examples.UUID]},
    )


class ObjectWithoutValue(Answer):
    id = fields.String(required=True, metadata={"examples": [examples.OBJECT_ID]})
    name = fields.String(required=True, metadata={"examples": [examples.NAME]})
    metadata = fields.Nested(ObjectMetadata, required=True)


class Object(ObjectWithoutValue):
    value = fields.String(required=True, metadata={"examples": [examples.VALUE]})


class ObjectSummary(Answer):
    id = fields.String(required=True, metadata={"examples": [examples.OBJECT_ID]})
    name = fields.String(required=True, metadata={"examples": [examples.NAME]})
    updated_at = fields.DateTime(required=True, metadata={"examples": [examples.MOMENT]})


class ObjectVersion(Answer):
    id = fields.UUID(required=True, metadata={"examples": [examples.UUID]})
    created_at = fields.DateTime(required=True, metadata={"examples": [examples.MOMENT]})
    current_version = fields.Boolean(
        required=True, metadata={"description": "True in the first row alone.", "examples": [True]}
    )
    size = fields.Integer(required=True, metadata={"description": "Bytes of the stored ciphertext.", "examples": [36]})
    etag = fields.String(
        required=True,
        metadata={
            "description": "Another for every version, also where two values are equal.",
            "examples": ["9b1c0e5f6a7d48239b1c0e5f6a7d4823"],
        },
    )


class ListMetadata(Answer):
    before = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Send it as `before` for the page before.", "examples": [None]},
    )
    after = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Send it as `after` for the next page; null on the last one.", "examples": [None]},
    )


class ObjectList(Answer):
    data = fields.List(fields.Nested(ObjectSummary), required=True)
    list_metadata = fields.Nested(ListMetadata, required=True)


class VersionList(Answer):
    data = fields.List(
        fields.Nested(ObjectVersion), required=True, metadata={"description": "All versions, the current one first."}
    )
    list_metadata = fields.Nested(
        ListMetadata, required=True, metadata={"description": "Both null: there is one page."}
    )


class Deleted(Answer):
    success = fields.Boolean(required=True, metadata={"description": "Always true.", "examples": [True]})
    name = fields.String(
        required=True, metadata={"description": "The name, which is free again.", "examples": [examples.NAME]}
    )


class Operation(Answer):
    state = fields.String(
        required=True,
        metadata={
            "enum": ["committed", "running", "not_found"],
            "description": "`running`: begun within the last ten seconds, and not committed so far.",
            "examples": ["committed"],
        },
    )
    object_id = fields.String(metadata={"description": "Where committed.", "examples": [examples.OBJECT_ID]})
    version_id = fields.UUID(
        metadata={"description": "The version that was current then; where committed.", "examples": [examples.UUID]}
    )
    committed_at = fields.DateTime(
        metadata={"description": "Where committed.", "examples": ["2026-01-31T12:00:00.000Z"]}
    )


class DataKey(Answer):
    id = fields.UUID(required=True, metadata={"description": "The data key's id.", "examples": [examples.UUID]})
    data_key = fields.String(
        required=True,
        metadata={"format": "byte", "description": "Base64 of the key's 32 bytes.", "examples": [examples.DATA_KEY]},
    )


class DataKeyPair(DataKey):
    context = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "The key context.", "examples": [examples.CONTEXT]},
    )
    encrypted_keys = fields.String(
        required=True,
        metadata={
            "format": "byte",
            "description": "The wrapped key, in base64. Keep it beside what you encrypt: the server does not.",
            "examples": [examples.ENCRYPTED_KEYS],
        },
    )


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


class Health(Answer):
    status = fields.String(required=True, metadata={"enum": ["alive"], "examples": ["alive"]})


class Checks(Answer):
    """`ok`, or the code of what is wrong."""

    store = fields.String(required=True, metadata={"examples": ["ok", "store_lost"]})
    keys = fields.String(required=True, metadata={"examples": ["ok", "kms_unavailable"]})
    revocations = fields.String(required=True, metadata={"examples": ["ok", "integrity_failure"]})


class Readiness(Answer):
    status = fields.String(required=True, metadata={"enum": ["ready", "not ready"], "examples": ["ready"]})
    failed = fields.Dict(keys=fields.String(), values=fields.String(), metadata={"examples": [{"store": "store_lost"}]})
    settings = fields.String(metadata={"description": "Only if the last reload of the settings was refused."})
    checks = fields.Nested(Checks, metadata={"description": "With `verbose` alone."})
    durability = fields.String(
        metadata={
            "description": "What answered writes survive, as it was at start; with `verbose` alone.",
            "enum": ["strong", "single", "best effort"],
            "examples": ["single"],
        }
    )
