"""Strict reading and writing of length-prefixed bytes."""

from __future__ import annotations


class MalformedBytes(ValueError):
    """The bytes are not in the format: truncated, trailing, or a value outside its range. Never carries them."""


def lp8(part: bytes) -> bytes:
    """`part` behind its length as u8."""
    return len(part).to_bytes(1, "big") + part


def lp16(part: bytes) -> bytes:
    """`part` behind its length as u16."""
    return len(part).to_bytes(2, "big") + part


def lp32(part: bytes) -> bytes:
    """`part` behind its length as u32."""
    return len(part).to_bytes(4, "big") + part


class Reader:
    """Takes fields off the front of a byte string, and insists that nothing is left over."""

    __slots__ = ("_raw", "offset")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.offset = 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes. Raises MalformedBytes where fewer are left."""
        end = self.offset + size
        if end > len(self._raw):
            raise MalformedBytes("truncated")
        part = self._raw[self.offset : end]
        self.offset = end
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def lp8(self) -> bytes:
        return self.take(self.number(1))

    def lp16(self) -> bytes:
        return self.take(self.number(2))

    def lp32(self) -> bytes:
        return self.take(self.number(4))

    @property
    def exhausted(self) -> bool:
        return self.offset == len(self._raw)

    def finish(self) -> None:
        """Raises MalformedBytes where bytes are left."""
        if not self.exhausted:
            raise MalformedBytes("trailing bytes")
