"""The request of the portal's route, as a schema."""

from __future__ import annotations

from marshmallow import fields, validate

from sealring.domain.portal import Intent
from sealring.http.schemas import Tolerant
from sealring.services.portal_urls import MAX_URL_CHARACTERS

MAX_CONTACTS = 20

_INTENTS = [each.value for each in Intent]
_URL = validate.Length(max=MAX_URL_CHARACTERS)


class GenerateLink(Tolerant):
    """SDKs send more, `intent_options` and `external_user_id` for example."""

    organization = fields.String(
        required=True,
        metadata={
            "description": "The organization whose key is to be connected.",
            "pattern": "^[A-Za-z0-9_-]{1,64}$",
            "examples": ["org_acme"],
        },
    )
    intent = fields.String(
        required=True,
        validate=validate.OneOf(
            _INTENTS, error=f"This portal is for {', '.join(_INTENTS)}. Other intents belong to other products."
        ),
        metadata={"description": "What the link is for.", "examples": _INTENTS[:1]},
    )
    return_url = fields.String(
        load_default=None,
        allow_none=True,
        validate=_URL,
        metadata={
            "description": "Where the pages have a link back to: an https URL of a host in the settings. Empty: none.",
            "examples": ["https://app.example.com/settings"],
        },
    )
    success_url = fields.String(
        load_default=None,
        allow_none=True,
        validate=_URL,
        metadata={
            "description": "Likewise, once the key is connected.",
            "examples": ["https://app.example.com/settings?connected"],
        },
    )
    it_contact_emails = fields.List(
        fields.Email(),
        load_default=list,
        allow_none=True,
        validate=validate.Length(max=MAX_CONTACTS),
        metadata={
            "description": "Checked, and not stored: sealring sends no mail. Send the link yourself.",
            "examples": [["it@acme.example"]],
        },
    )
