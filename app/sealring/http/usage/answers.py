"""The answer of the usage route, as a schema."""

from __future__ import annotations

from marshmallow import fields

from sealring.http.schemas import Answer

_LIMIT = {"description": "Null: there is no limit.", "examples": [1000]}


class Quota(Answer):
    limit = fields.Integer(required=True, allow_none=True, metadata=_LIMIT)
    used = fields.Integer(required=True, metadata={"examples": [12]})


class Rate(Answer):
    limit = fields.Integer(required=True, allow_none=True, metadata=_LIMIT)


class Usage(Answer):
    organization_id = fields.String(
        required=True, metadata={"description": "The organization.", "examples": ["org_acme"]}
    )
    objects = fields.Nested(
        Quota, required=True, metadata={"description": "Objects, deleted ones included until they are purged."}
    )
    stored_bytes = fields.Nested(
        Quota, required=True, metadata={"description": "Bytes of the ciphertexts of all versions that are kept."}
    )
    contexts = fields.Nested(
        Quota, required=True, metadata={"description": "Key contexts, or their pairs, that have a managed key."}
    )
    requests_per_second = fields.Nested(
        Rate, required=True, metadata={"description": "Of all workers of a server together."}
    )
