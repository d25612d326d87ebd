"""Strict reading and writing of length-prefixed bytes."""

from __future__ import annotations

from collections.abc import Sequence


class MalformedBytes(ValueError):
    """The bytes are not in the format: truncated, trailing, or out of range. The message never contains them."""


def lp8(part: bytes) -> bytes:
    """`part` after its length as u8."""
    return len(part).to_bytes(1, "big") + part


def lp16(part: bytes) -> bytes:
    """`part` after its length as u16."""
    return len(part).to_bytes(2, "big") + part


def lp32(part: bytes) -> bytes:
    """`part` after its length as u32."""
    return len(part).to_bytes(4, "big") + part


def encode_texts(texts: Sequence[str]) -> bytes:
    """The number of texts as u16, then each text after its length as u16."""
    return len(texts).to_bytes(2, "big") + b"".join(lp16(text.encode()) for text in texts)


def encode_pairs(pairs: Sequence[tuple[str, str]]) -> bytes:
    return encode_texts([text for pair in pairs for text in pair])


class Reader:
    """Reads fields from the front of a byte string; `finish` checks that nothing is left."""

    __slots__ = ("_offset", "_raw", "_size")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._size = len(raw)
        self._offset = 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes. Raises MalformedBytes if fewer are left."""
        start = self._offset
        end = start + size
        if end > self._size:
            raise MalformedBytes("truncated")
        self._offset = end
        return self._raw[start:end]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def flag(self) -> bool:
        """Return the next byte as a flag. Raises MalformedBytes if it is not 0 or 1."""
        value = self.number(1)
        if value > 1:
            raise MalformedBytes("a flag that is not 0 or 1")
        return value == 1

    def lp8(self) -> bytes:
        return self._prefixed(1)

    def lp16(self) -> bytes:
        return self._prefixed(2)

    def lp32(self) -> bytes:
        return self._prefixed(4)

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self._size - self._offset)

    @property
    def offset(self) -> int:
        return self._offset

    def since(self, offset: int) -> bytes:
        """Return the bytes that were taken since `offset`."""
        return self._raw[offset : self._offset]

    @property
    def exhausted(self) -> bool:
        return self._offset == self._size

    def finish(self) -> None:
        """Raises MalformedBytes if bytes are left."""
        if not self.exhausted:
            raise MalformedBytes("trailing bytes")

    def _prefixed(self, size: int) -> bytes:
        start = self._offset + size
        end = start + int.from_bytes(self._raw[self._offset : start], "big")
        if end > self._size:  # a truncated length ends beyond the bytes too
            raise MalformedBytes("truncated")
        self._offset = end
        return self._raw[start:end]


def decode_texts(reader: Reader) -> tuple[str, ...]:
    """Read what `encode_texts` made."""
    return tuple(reader.lp16().decode() for _ in range(reader.number(2)))


def decode_pairs(reader: Reader) -> tuple[tuple[str, str], ...]:
    """Read what `encode_pairs` made. Raises MalformedBytes for an odd number of texts."""
    texts = decode_texts(reader)
    if len(texts) % 2:
        raise MalformedBytes("a pair without its half")
    return tuple(zip(texts[::2], texts[1::2], strict=True))
