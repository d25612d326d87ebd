"""The answers of the data key routes, as schemas."""

from __future__ import annotations

from marshmallow import fields

from sealring.http import examples
from sealring.http.schemas import Answer


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
            "description": "The wrapped key, in base64. Keep it beside your ciphertext: the server does not store it.",
            "examples": [examples.ENCRYPTED_KEYS],
        },
    )
