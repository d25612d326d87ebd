"""The requests of the binding routes, as schemas."""

from __future__ import annotations

from marshmallow import fields, validate

from sealring.domain.binding import MAX_STALE_DECRYPT_S
from sealring.domain.context import MAX_KEY_CHARACTERS, MAX_PAIRS
from sealring.http import examples
from sealring.http.fields import KeyContextField
from sealring.http.schemas import Strict

_ORGANIZATION = {"pattern": "^[A-Za-z0-9_-]{1,64}$", "examples": ["org_acme"]}


class CreateBinding(Strict):
    organization_id = fields.String(
        required=True, metadata={"description": "The organization that owns the key.", **_ORGANIZATION}
    )
    match = KeyContextField(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The key guards each context that contains all these pairs. If left out: each context of "
            "the organization.",
            "examples": [examples.CONTEXT],
        },
    )
    provider = fields.String(
        required=True,
        validate=validate.Length(1, 32),
        metadata={"description": "The key's provider.", "examples": ["awskms"]},
    )
    key = fields.String(
        required=True,
        validate=validate.Length(1, 1000),
        metadata={
            "description": "The key, as its provider names it.",
            "examples": ["arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
        },
    )
    options = fields.Dict(
        keys=fields.String(validate=validate.Length(1, 64)),
        values=fields.String(validate=validate.Length(1, 1000)),
        load_default=dict,
        metadata={"description": "What the provider needs besides the key.", "examples": [{}]},
    )
    combine = fields.String(
        load_default="all",
        validate=validate.OneOf(["all", "any"]),
        metadata={
            "description": "If several keys guard a context: with `all`, all are needed, so that each owner can "
            "revoke; one is enough only if each binding has `any`."
        },
    )
    show_context = fields.List(
        fields.String(validate=validate.Length(1, MAX_KEY_CHARACTERS)),
        load_default=list,
        validate=validate.Length(max=MAX_PAIRS),
        metadata={
            "description": "Names of pairs that the key's owner may see in plaintext, besides the organization.",
            "examples": [["resource_type"]],
        },
    )
    max_stale_decrypt_s = fields.Integer(
        load_default=0,
        strict=True,
        validate=validate.Range(0, MAX_STALE_DECRYPT_S),
        metadata={"description": "How long values may still be opened after the key was disabled, in seconds."},
    )
    activate = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata={"description": "Verify it, and activate it at once if its key works."},
    )
    replaces = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "The binding that retires when this one becomes active.", "examples": [None]},
    )


class BindingsQuery(Strict):
    organization_id = fields.String(required=True, metadata={"description": "The organization.", **_ORGANIZATION})
