"""The answers of the binding routes, as schemas."""

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
    organization_id = fields.String(
        required=True, metadata={"description": "The key's organization.", "examples": ["org_acme"]}
    )
    state = fields.String(
        required=True,
        metadata={
            "enum": ["pending", "active", "suspended", "retired"],
            "description": "`pending`: not used yet; `active`: guards its contexts; `suspended`: guards them, and "
            "requests for them are refused; `retired`: seals nothing new.",
            "examples": ["active"],
        },
    )
    opens = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether values that it sealed may be opened: not before it was verified; after it was "
            "suspended, not before it is activated again.",
            "examples": [True],
        },
    )
    key_id = fields.UUID(
        required=True, metadata={"description": "The `key_id` of values that it seals.", "examples": [examples.UUID]}
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
            "description": "What the provider needs besides the key; sealring makes `external_id`.",
            "examples": [{"external_id": "0a1b2c3d4e5f60718293a4b5c6d7e8f9"}],
        },
    )
    match = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "The pairs that a context must contain.", "examples": [examples.CONTEXT]},
    )
    combine = fields.String(
        required=True,
        metadata={
            "enum": ["all", "any"],
            "description": "If several keys guard a context: whether all of them are needed.",
            "examples": ["all"],
        },
    )
    show_context = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Pairs that the key's owner may see.", "examples": [["resource_type"]]},
    )
    max_stale_decrypt_s = fields.Integer(
        required=True,
        metadata={
            "description": "How long reads may succeed after the key was disabled, in seconds; 0: not at all.",
            "examples": [0],
        },
    )
    replaces = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The binding that it replaces.", "examples": [None]}
    )
    created_at = fields.DateTime(required=True, metadata={"description": "When it was created.", **_TIME})
    updated_at = fields.DateTime(required=True, metadata={"description": "When it last changed.", **_TIME})
    verified = fields.Boolean(
        required=True, metadata={"description": "Whether its key worked at the last check.", "examples": [True]}
    )
    verified_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "When its key was last checked.", **_TIME}
    )
    since = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "Since when checks have this result.", **_TIME}
    )
    findings = fields.List(
        fields.Nested(Finding), required=True, metadata={"description": "What the check found.", "examples": [[]]}
    )


class Use(Answer):
    state_since = fields.DateTime(
        required=True,
        allow_none=True,
        metadata={"description": "Since when the binding is in its state; null: unknown.", **_TIME},
    )
    last_used_at = fields.DateTime(
        required=True,
        allow_none=True,
        metadata={
            "description": "When something was last sealed or opened under the key, or up to a minute before that; "
            "checks do not count. Null: none is known.",
            **_TIME,
        },
    )
    versions = fields.Integer(
        required=True,
        metadata={
            "description": "How many versions of objects were sealed under the key so far, including those that no "
            "longer exist.",
            "examples": [1204],
        },
    )
    data_keys = fields.Integer(
        required=True,
        metadata={"description": "How many data keys left the server, sealed under the key.", "examples": [88]},
    )
    keyring_keys = fields.Integer(
        required=True, metadata={"description": "How many keys of keyrings were sealed under it.", "examples": [0]}
    )
    complete = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether the three numbers are everything. False: the key may have sealed more, before it "
            "was counted or before the store was restored.",
            "examples": [True],
        },
    )


class UsedBinding(Binding):
    use = fields.Nested(
        Use,
        required=True,
        allow_none=True,
        metadata={"description": "How the key was used; null if that was altered in the store."},
    )


class BindingList(Answer):
    data = fields.List(
        fields.Nested(UsedBinding), required=True, metadata={"description": "All bindings, the oldest first."}
    )


class Done(Answer):
    success = fields.Boolean(required=True, metadata={"description": "Always true.", "examples": [True]})


class SetupGuide(Answer):
    steps = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "What the key's administrator has to do.", "examples": [["Add the statement."]]},
    )
    policy = fields.String(required=True, metadata={"description": "The policy text to paste.", "examples": ["{}"]})
    external_id = fields.String(
        required=True,
        metadata={
            "description": "Unique to the organization, for a KMS that needs one.",
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
        required=True, allow_none=True, metadata={"description": "Since when the key fails, if known.", **_TIME}
    )
    who_must_act = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "enum": ["key owner", "operator", None],
            "description": "Who has to fix it: the operator if a managed key, our credentials or settings, or a "
            "plugin is the cause. Null: nobody.",
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
