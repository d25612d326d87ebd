"""How many fields a message in Protocol Buffers has: counted before anything is made of them.

A megabyte of map entries would become a hundred thousand objects.
"""

from __future__ import annotations

MAX_ITEMS = 10_000  # of a call

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_OTHERS = 100  # fields that are no items
_LEAST_BYTES = 2  # of a field


def few_enough(raw: bytes) -> bool:
    """Return whether the message has no more fields than MAX_ITEMS items and some others.

    Those in a group, which proto3 does not have, count too. A message that cannot be read to its end is for the parser
    to refuse.
    """
    left = MAX_ITEMS + _OTHERS
    if len(raw) <= _LEAST_BYTES * left:
        return True
    at, end = 0, len(raw)
    while at < end and left:
        left -= 1
        key, at = _varint(raw, at)
        kind = key & 7
        if kind == _BYTES:
            size, at = _varint(raw, at)
            at += size
        elif kind == _VARINT:
            _, at = _varint(raw, at)
        else:
            at += _FIXED.get(kind, 0)
    return at >= end


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Return a number and where it ends; of one that is cut off or too long, something beyond the end."""
    part = raw[at] if at < len(raw) else 0
    if part < 128:
        return part, at + 1
    value, shift = part & 127, 7
    for where in range(at + 1, min(at + 10, len(raw))):
        part = raw[where]
        value |= (part & 127) << shift
        if part < 128:
            return value, where + 1
        shift += 7
    return 0, len(raw)
