"""The requests of the data key routes, as schemas."""

from __future__ import annotations

from marshmallow import fields

from sealring.http import examples
from sealring.http.fields import KeyContextField
from sealring.http.schemas import Tolerant


class CreateDataKey(Tolerant):
    context = KeyContextField(
        required=True, metadata={"description": "Chooses the key.", "examples": [examples.CONTEXT]}
    )


class DecryptDataKey(Tolerant):
    keys = fields.String(
        required=True,
        metadata={"description": "A value of `encrypted_keys`, unchanged.", "examples": [examples.ENCRYPTED_KEYS]},
    )


class RekeyDataKey(Tolerant):
    encrypted_keys = fields.String(
        required=True,
        metadata={"description": "A value of `encrypted_keys`, unchanged.", "examples": [examples.ENCRYPTED_KEYS]},
    )
    context = KeyContextField(
        required=True, metadata={"description": "The new key context.", "examples": [examples.CONTEXT]}
    )
