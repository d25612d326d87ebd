"""The answers of the object routes, as schemas; render.py makes them."""

from __future__ import annotations

from marshmallow import fields

from sealring.http import examples
from sealring.http.schemas import Answer


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
        metadata={"description": "When the object was last written, in UTC.", "examples": [examples.MOMENT]},
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
        required=True, metadata={"description": "True only in the first row.", "examples": [True]}
    )
    size = fields.Integer(required=True, metadata={"description": "Bytes of the stored ciphertext.", "examples": [36]})
    etag = fields.String(
        required=True,
        metadata={
            "description": "Different for every version, even if two values are equal.",
            "examples": ["9b1c0e5f6a7d48239b1c0e5f6a7d4823"],
        },
    )


class ListMetadata(Answer):
    before = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Send it as `before` for the previous page.", "examples": [None]},
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
        ListMetadata, required=True, metadata={"description": "Both null: there is only one page."}
    )


class Deleted(Answer):
    success = fields.Boolean(required=True, metadata={"description": "Always true.", "examples": [True]})
    name = fields.String(
        required=True, metadata={"description": "The name, which is free again.", "examples": [examples.NAME]}
    )
