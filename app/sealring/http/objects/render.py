"""Objects, their lists and their versions as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sealring.domain.ids import ObjectId, uuid_text
from sealring.domain.record import ObjectRecord, VersionSummary
from sealring.http.timestamps import rfc3339
from sealring.services.listing import Listing
from sealring.services.objects import OpenedObject

Json = dict[str, Any]


def metadata(record: ObjectRecord) -> Json:
    version = record.current
    return {
        "id": str(record.id),
        "environment_id": record.environment,
        "key_id": uuid_text(version.key_id),
        "updated_by": {"id": version.author.id, "name": version.author.name},
        "updated_at": rfc3339(record.updated_at),
        "context": record.context.as_dict(),
        "version_id": uuid_text(version.id),
    }


def without_value(record: ObjectRecord) -> Json:
    return {"id": str(record.id), "name": record.name, "metadata": metadata(record)}


def with_value(opened: OpenedObject) -> Json:
    return {**without_value(opened.record), "value": opened.value}


def listing(page: Listing) -> Json:
    rows = [{"id": str(ObjectId(row.id)), "name": row.name, "updated_at": rfc3339(row.updated_at)} for row in page.rows]
    return {"data": rows, "list_metadata": {"before": page.before, "after": page.after}}


def versions(summaries: Sequence[VersionSummary]) -> Json:
    rows = [
        {
            "id": uuid_text(each.id),
            "created_at": rfc3339(each.created_at),
            "current_version": each is summaries[0],
            "size": each.size,
            "etag": each.etag.hex(),
        }
        for each in summaries
    ]
    return {"data": rows, "list_metadata": {"before": None, "after": None}}
