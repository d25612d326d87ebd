"""Which connections (of loop_connection.py) end when there are too many, or their answers are not read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

UNSENT_BYTES = 256 << 20  # of a worker's answers; above that, those that are not read are dropped

_SHARE = 16  # at the limit of connections, a sixteenth of those of no use makes room


def make_room(connections: Iterable[Any], newest: object) -> bool:
    """End connections without a request, those first that never had one; else those with an answer that is not read.

    Return whether there were any.
    """
    others = [each for each in connections if each is not newest]
    useless = [each for each in others if each.is_free and not each.transport.get_write_buffer_size()]
    useless.sort(key=lambda each: (each.has_served, each.until))
    useless = useless or [each for each in others if each.is_stalled]
    for each in useless[: max(1, len(useless) // _SHARE)]:
        each.transport.abort()
    return bool(useless)


def sweep(connections: Collection[Any]) -> None:
    """End what has lasted too long; and what nobody reads, if it takes too much memory."""
    for each in connections:
        each.sweep()
    if sum(each.unsent for each in connections) > UNSENT_BYTES:
        for each in connections:
            if each.is_stalled:
                each.transport.abort()
