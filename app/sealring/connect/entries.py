"""How many fields a message in Protocol Buffers has: counted before anything is made of them.

A megabyte of map entries would become a hundred thousand objects; and the parser does not let go of the interpreter
while it skips a million fields that it does not know.
"""

from __future__ import annotations

from collections.abc import Container

MAX_ITEMS = 10_000  # of a call

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_OTHERS = 100  # fields that are no items
_MAX_FIELDS = 3 * MAX_ITEMS + _OTHERS  # those in an item included: its key and its value
_LEAST_BYTES = 2  # of a field
_SMALL_BYTES = 256  # of an item whose fields are not counted


def few_enough(raw: bytes, maps: Container[int]) -> bool:
    """Return whether a message has no more fields than MAX_ITEMS items need, and some others.

    `maps`: the numbers of the fields that have items. Fields in a group, which proto3 does not have, count too. A
    message that cannot be read to its end is for the parser to refuse.
    """
    at, end, left = 0, len(raw), _MAX_FIELDS
    if end <= _LEAST_BYTES * left:
        return True
    while at < end and left > 0:
        number, within, at = _field(raw, at)
        left -= 1
        if number in maps and at - within > _SMALL_BYTES:
            left -= _fields(raw, within, min(at, end), left + 1)
    return at >= end and left >= 0


def _fields(raw: bytes, at: int, end: int, most: int) -> int:
    """Count the fields in a part of a message, up to `most`."""
    count = 0
    while at < end and count < most:
        _, _, at = _field(raw, at)
        count += 1
    return count


def _field(raw: bytes, at: int) -> tuple[int, int, int]:
    """Return the number of a field, where its value begins, and where it ends."""
    key, at = _varint(raw, at)
    kind = key & 7
    if kind == _BYTES:
        size, at = _varint(raw, at)
        return key >> 3, at, at + size
    if kind == _VARINT:
        return key >> 3, at, _varint(raw, at)[1]
    return key >> 3, at, at + _FIXED.get(kind, 0)


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
