"""The store's clock."""

from __future__ import annotations

from sealring.store.connection.link import Reply


def microseconds(time_reply: Reply) -> int:
    """Return microseconds since 1970, from the reply to TIME."""
    seconds, microseconds_of_it = time_reply
    return int(seconds) * 1_000_000 + int(microseconds_of_it)
