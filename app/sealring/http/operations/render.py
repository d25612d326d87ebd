"""Operations as JSON."""

from __future__ import annotations

from typing import Any

from sealring.domain.ids import ObjectId, uuid_text
from sealring.http.timestamps import rfc3339
from sealring.services.operations import IdempotentOperation

Json = dict[str, Any]


def operation(found: IdempotentOperation) -> Json:
    if found.outcome is None:
        return {"state": found.progress.value}
    return {
        "state": found.progress.value,
        "object_id": str(ObjectId(found.outcome.object_id)),
        "version_id": uuid_text(found.outcome.version_id),
        "committed_at": rfc3339(found.outcome.started_at),
    }
