"""The requests of the keyring routes, as schemas."""

from __future__ import annotations

from marshmallow import fields, validate

from sealring.http import examples
from sealring.http.schemas import Strict

MAX_ITEMS = 500

_ITEMS = validate.Length(1, MAX_ITEMS)


class Encrypt(Strict):
    items = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        validate=_ITEMS,
        metadata={
            "description": f"1 to {MAX_ITEMS} values, each by an id of yours.",
            "examples": [{"first": examples.VALUE}],
        },
    )


class Decrypt(Strict):
    items = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        validate=_ITEMS,
        metadata={
            "description": f"1 to {MAX_ITEMS} values of `encrypted`, each by an id of yours.",
            "examples": [{"first": examples.ENCRYPTED}],
        },
    )
