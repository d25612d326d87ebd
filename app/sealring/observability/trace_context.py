"""The context of a trace, in the header `traceparent` (W3C Trace Context, section 3.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_VERSION = "00"


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The ids of a trace and of the span that caused ours, in hexadecimal."""

    trace_id: str
    parent_id: str
    sampled: bool


def parse(header: str | None) -> TraceContext | None:
    """Return the context; None if there is none, or it is malformed: then it does not count."""
    found = None if header is None or len(header) > 256 else _FORM.fullmatch(header)
    if header is None or found is None or (header.startswith(_VERSION) and found[4] is not None):
        return None
    return TraceContext(found[1], found[2], bool(int(found[3], 16) & 1))
