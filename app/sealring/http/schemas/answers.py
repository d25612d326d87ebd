"""What we answer: the shapes, for the OpenAPI document. The renderers in http/render.py make them."""

from __future__ import annotations

from marshmallow import Schema, fields


class Actor(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)


class ObjectMetadata(Schema):
    id = fields.String(required=True, metadata={"pattern": "^secret_[0-9A-F]{32}$"})
    environment_id = fields.String(required=True)
    key_id = fields.UUID(required=True)
    updated_by = fields.Nested(Actor, required=True)
    updated_at = fields.DateTime(required=True)
    context = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    version_id = fields.UUID(required=True)


class ObjectWithoutValue(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    metadata = fields.Nested(ObjectMetadata, required=True)


class Object(ObjectWithoutValue):
    value = fields.String(required=True)


class ObjectSummary(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    updated_at = fields.DateTime(required=True)


class ObjectVersion(Schema):
    id = fields.UUID(required=True)
    created_at = fields.DateTime(required=True)
    current_version = fields.Boolean(required=True)
    size = fields.Integer(required=True, metadata={"description": "bytes of the stored ciphertext"})
    etag = fields.String(required=True)


class ListMetadata(Schema):
    before = fields.String(required=True, allow_none=True)
    after = fields.String(required=True, allow_none=True)


class ObjectList(Schema):
    data = fields.List(fields.Nested(ObjectSummary), required=True)
    list_metadata = fields.Nested(ListMetadata, required=True)


class VersionList(Schema):
    data = fields.List(fields.Nested(ObjectVersion), required=True)
    list_metadata = fields.Nested(ListMetadata, required=True)


class Deleted(Schema):
    success = fields.Boolean(required=True)
    name = fields.String(required=True)


class DataKey(Schema):
    id = fields.UUID(required=True)
    data_key = fields.String(required=True, metadata={"format": "byte", "description": "base64 of 32 bytes"})


class DataKeyPair(DataKey):
    context = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    encrypted_keys = fields.String(required=True, metadata={"format": "byte"})


class Violation(Schema):
    code = fields.String(required=True)
    field = fields.String(required=True)
    message = fields.String(required=True)


class Problem(Schema):
    error = fields.String(required=True)
    message = fields.String(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(Violation), required=True)


class Health(Schema):
    status = fields.String(required=True)
