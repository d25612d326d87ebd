"""The answers of the keyring routes, as schemas."""

from __future__ import annotations

from marshmallow import fields

from sealring.http import examples
from sealring.http.schemas import Answer

_EACH = "The result of each item, by its id, in the order of the request."
_ENCRYPTED = {"first": {"encrypted": examples.ENCRYPTED, "key_id": examples.DEK_ID}}
_DECRYPTED = {"first": {"value": examples.VALUE}}


class Encrypted(Answer):
    encrypted = fields.String(
        required=True,
        metadata={"format": "byte", "description": "Keep it: the server does not.", "examples": [examples.ENCRYPTED]},
    )
    key_id = fields.String(
        required=True, metadata={"description": "The key of the keyring.", "examples": [examples.DEK_ID]}
    )


class Decrypted(Answer):
    """Either `value`, or `code` and `message`."""

    value = fields.String(metadata={"examples": [examples.VALUE]})
    code = fields.String(metadata={"description": "Why this item was refused; for programs."})
    message = fields.String()


class EncryptedItems(Answer):
    items = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(Encrypted),
        required=True,
        metadata={"description": _EACH, "examples": [_ENCRYPTED]},
    )


class DecryptedItems(Answer):
    items = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(Decrypted),
        required=True,
        metadata={"description": _EACH, "examples": [_DECRYPTED]},
    )


class Key(Answer):
    key_id = fields.String(required=True, metadata={"examples": [examples.DEK_ID]})
    created_at = fields.DateTime(required=True, metadata={"examples": [examples.MOMENT]})
