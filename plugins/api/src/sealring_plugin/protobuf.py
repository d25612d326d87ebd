"""The wire form of Protocol Buffers, as far as the keys and envelopes of vault.v1 need it.

https://protobuf.dev/programming-guides/encoding/. Fields are written in the order of their numbers, and none that has
its default value, as the other implementations write them. Unknown fields are skipped, and of a repeated one the last
counts. Groups, which proto3 does not have, are refused, and so are more fields than any message of vault.v1 has: each
costs as much as a thousand bytes of a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

MAX_FIELDS = 32  # of a message: those that are known, six times over

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_U64 = 1 << 64


class MalformedMessage(ValueError):
    """The bytes are no message. The text never contains them."""


Fields = Mapping[tuple[int, int], int | bytes]  # by number and wire type


def number_field(number: int, value: int) -> bytes:
    """Return a field of a number of up to 64 bits; a negative one is in two's complement."""
    return _varint(number << 3 | _VARINT) + _varint(value % _U64) if value else b""


def bytes_field(number: int, value: bytes) -> bytes:
    return b"".join((_varint(number << 3 | _BYTES), _varint(len(value)), value)) if value else b""


def parse(raw: bytes) -> Fields:
    """Read a message of at most MAX_FIELDS fields. Raises MalformedMessage."""
    return dict(_fields(raw))


def number_of(fields: Fields, number: int) -> int:
    """Return the value of an int64 field, or 0."""
    value = fields.get((number, _VARINT), 0)
    assert isinstance(value, int)  # by its wire type
    return value - _U64 if value >= _U64 >> 1 else value


def bytes_of(fields: Fields, number: int) -> bytes:
    """Return the value of a field of bytes, or none."""
    value = fields.get((number, _BYTES), b"")
    assert isinstance(value, bytes)  # by its wire type
    return value


def text_of(fields: Fields, number: int) -> str:
    """Return the value of a field of text, or an empty one. Raises MalformedMessage if it is not UTF-8."""
    try:
        return bytes_of(fields, number).decode()
    except UnicodeDecodeError:
        raise MalformedMessage("a text that is not UTF-8") from None


def _fields(raw: bytes) -> Iterator[tuple[tuple[int, int], int | bytes]]:
    at, end, left = 0, len(raw), MAX_FIELDS
    while at < end:
        if not left:
            raise MalformedMessage("too many fields")
        left -= 1
        key, at = _take_varint(raw, at)
        number, kind = key >> 3, key & 7
        if not 1 <= number < 1 << 29:
            raise MalformedMessage("a field with a number that none has")
        if kind == _VARINT:
            value, at = _take_varint(raw, at)
            yield (number, kind), value
            continue
        if kind == _BYTES:
            size, at = _take_varint(raw, at)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise MalformedMessage("a field of an unknown type")
        if at + size > end:
            raise MalformedMessage("truncated")
        yield (number, kind), raw[at : at + size]
        at += size


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _take_varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(raw):
            raise MalformedMessage("truncated")
        part = raw[at]
        at += 1
        value |= (part & 127) << shift
        if part < 128:
            return value % _U64, at
        shift += 7
    raise MalformedMessage("a number that is too long")
