"""How much memory the store has left."""

from __future__ import annotations

from sealring.errors import IntegrityFailure, StoreUnavailable
from sealring.store.connection.durability import info_fields
from sealring.store.connection.links import Links


def headroom(links: Links) -> float | None:
    """Return the free part of `maxmemory` of the fullest primary; None if none has a limit, or INFO is refused.

    Raises StoreUnavailable if the store does not answer.
    """
    try:
        answers = [info_fields(answer) for (answer,) in links.everywhere((b"INFO", b"memory"))]
    except (StoreUnavailable, IntegrityFailure):
        links.everywhere((b"PING",))  # raises if the store is unavailable, rather than refusing this one command
        return None
    limits = [(int(each.get("used_memory", 0)), int(each.get("maxmemory", 0))) for each in answers]
    return min((max(0.0, 1 - used / limit) for used, limit in limits if limit), default=None)
