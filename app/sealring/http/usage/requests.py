"""The request of the usage route, as a schema."""

from __future__ import annotations

from marshmallow import fields

from sealring.http.schemas import Strict


class UsageQuery(Strict):
    organization_id = fields.String(
        required=True,
        metadata={
            "description": "The organization.",
            "pattern": "^[A-Za-z0-9_-]{1,64}$",
            "examples": ["org_acme"],
        },
    )
