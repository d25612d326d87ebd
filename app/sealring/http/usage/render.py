"""Usage as JSON."""

from __future__ import annotations

from typing import Any

from sealring.services.limits import Usage

Json = dict[str, Any]


def usage(found: Usage) -> Json:
    limits, use = found.limits, found.use
    return {
        "organization_id": found.org,
        "objects": _quota(limits.objects, use.objects),
        "stored_bytes": _quota(limits.stored_bytes, use.stored_bytes),
        "contexts": _quota(limits.contexts, use.contexts),
        "requests_per_second": {"limit": limits.requests_per_second or None},
    }


def _quota(limit: int, used: int) -> Json:
    return {"limit": limit or None, "used": max(used, 0)}
