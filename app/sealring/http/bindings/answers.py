"""What the routes of bindings answer."""

from __future__ import annotations

from marshmallow import fields

from sealring.http import examples
from sealring.http.schemas import Answer

_TIME = {"examples": ["2026-01-31T12:00:00.000Z"]}
_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class Finding(Answer):
    code = fields.String(required=True, metadata={"description": "For programs.", "examples": ["key_disabled"]})
    severity = fields.String(required=True, metadata={"enum": ["error", "warning"], "examples": ["error"]})
    message = fields.String(
        required=True, metadata={"description": "What is wrong.", "examples": ["The key is disabled."]}
    )
    advice = fields.String(
        required=True,
        metadata={"description": "What the key's owner, or the operator, has to do.", "examples": ["Enable the key."]},
    )


class Binding(Answer):
    id = fields.UUID(required=True, metadata={"description": "The binding's id.", "examples": [examples.UUID]})
    organization_id = fields.String(required=True, metadata={"description": "Whose it is.", "examples": ["org_acme"]})
    state = fields.String(
        required=True,
        metadata={
            "enum": ["pending", "active", "suspended", "retired"],
            "description": "`pending`: not used; `active`: guards; `suspended`: guards, and is refused; `retired`: "
            "guards nothing new.",
            "examples": ["active"],
        },
    )
    opens = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether what it sealed may be opened: not before it was verified, nor after it was "
            "suspended, until it is activated again.",
            "examples": [True],
        },
    )
    key_id = fields.UUID(
        required=True, metadata={"description": "The `key_id` of what it seals.", "examples": [examples.UUID]}
    )
    provider = fields.String(required=True, metadata={"description": "The key's provider.", "examples": ["awskms"]})
    key = fields.String(
        required=True, metadata={"description": "The key, as its provider names it.", "examples": [_KEY]}
    )
    options = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={
            "description": "What the provider needs besides the key; `external_id` is made by sealring.",
            "examples": [{"external_id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9"}],
        },
    )
    match = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "The pairs that a context needs.", "examples": [examples.CONTEXT]},
    )
    combine = fields.String(
        required=True,
        metadata={"enum": ["all", "any"], "description": "Beside other keys.", "examples": ["all"]},
    )
    show_context = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Pairs that the key's owner may see.", "examples": [["resource_type"]]},
    )
    max_stale_decrypt_s = fields.Integer(
        required=True,
        metadata={"description": "The bound of a revocation, in seconds; 0: the next call.", "examples": [0]},
    )
    replaces = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The binding before it.", "examples": [None]}
    )
    created_at = fields.DateTime(required=True, metadata={"description": "When it was made.", **_TIME})
    updated_at = fields.DateTime(required=True, metadata={"description": "When it changed last.", **_TIME})
    verified = fields.Boolean(
        required=True, metadata={"description": "Whether its key worked when asked last.", "examples": [True]}
    )
    verified_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "When its key was asked last.", **_TIME}
    )
    since = fields.DateTime(required=True, allow_none=True, metadata={"description": "Since when it was so.", **_TIME})
    findings = fields.List(
        fields.Nested(Finding), required=True, metadata={"description": "What was found.", "examples": [[]]}
    )


class BindingList(Answer):
    data = fields.List(
        fields.Nested(Binding), required=True, metadata={"description": "All of them, the oldest first."}
    )


class Done(Answer):
    success = fields.Boolean(required=True, metadata={"description": "Always true.", "examples": [True]})


class SetupGuide(Answer):
    steps = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "What the admin of the key has to do.", "examples": [["Add the statement."]]},
    )
    policy = fields.String(required=True, metadata={"description": "The text to paste.", "examples": ["{}"]})
    external_id = fields.String(
        required=True,
        metadata={
            "description": "The organization's alone, for a KMS that asks for one.",
            "examples": ["0a1b2c3d4e5f60718293a4b5c6d7e8f9"],
        },
    )


class KeyReport(Answer):
    key_id = fields.UUID(required=True, metadata={"description": "The KEK's id.", "examples": [examples.UUID]})
    provider = fields.String(required=True, metadata={"description": "Its provider.", "examples": ["awskms"]})
    binding_id = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "Its binding; null for a managed key.", "examples": [examples.UUID]},
    )
    state = fields.String(
        required=True,
        metadata={
            "description": "`usable`, or the code with which a read fails.",
            "examples": ["cmk_disabled"],
        },
    )
    message = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What is wrong.", "examples": ["The key is disabled. Ask its owner to enable it."]},
    )
    since = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "Since when, as far as known.", **_TIME}
    )
    who_must_act = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "enum": ["key owner", "operator", None],
            "description": "Who can mend it: the operator where a key of ours, our credentials or settings, or a "
            "plugin is to blame. Null: nobody has to.",
            "examples": ["key owner"],
        },
    )


class Explanation(Answer):
    id = fields.String(required=True, metadata={"description": "The object's id.", "examples": [examples.OBJECT_ID]})
    readable = fields.Boolean(
        required=True, metadata={"description": "Whether its keys open it now.", "examples": [False]}
    )
    needs = fields.String(
        required=True,
        metadata={"enum": ["any", "all"], "description": "Whether one key is enough.", "examples": ["all"]},
    )
    keys = fields.List(fields.Nested(KeyReport), required=True, metadata={"description": "Each of its keys."})
