"""What the route of operations answers."""

from __future__ import annotations

from marshmallow import fields

from sealring.http import examples
from sealring.http.schemas import Answer


class Operation(Answer):
    state = fields.String(
        required=True,
        metadata={
            "enum": ["committed", "running", "not_found"],
            "description": "`running`: begun within the last ten seconds, and not committed so far.",
            "examples": ["committed"],
        },
    )
    object_id = fields.String(metadata={"description": "Where committed.", "examples": [examples.OBJECT_ID]})
    version_id = fields.UUID(
        metadata={"description": "The version that was current then; where committed.", "examples": [examples.UUID]}
    )
    committed_at = fields.DateTime(
        metadata={"description": "Where committed.", "examples": ["2026-01-31T12:00:00.000Z"]}
    )
