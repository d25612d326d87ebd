"""The answer of the operations route, as a schema."""

from __future__ import annotations

from marshmallow import fields

from sealring.http import examples
from sealring.http.schemas import Answer


class Operation(Answer):
    state = fields.String(
        required=True,
        metadata={
            "enum": ["committed", "running", "not_found"],
            "description": "`running`: begun within the last ten seconds, and not committed yet.",
            "examples": ["committed"],
        },
    )
    object_id = fields.String(metadata={"description": "Only if committed.", "examples": [examples.OBJECT_ID]})
    version_id = fields.UUID(
        metadata={"description": "The version that was current then; only if committed.", "examples": [examples.UUID]}
    )
    committed_at = fields.DateTime(
        metadata={"description": "Only if committed.", "examples": ["2026-01-31T12:00:00.000Z"]}
    )
