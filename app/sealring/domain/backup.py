"""The head of a backup: what opens the rest of the file, so that nothing of the old store is needed."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from sealring.domain.layout import Layout
from sealring.domain.wire import MalformedBytes, Reader, lp8, lp16

MAGIC = b"SLRB"
FORMAT = 1

_START = struct.Struct(">4sBH")  # magic, format, bytes that follow
_AAD_LABEL = b"sealring/v1/backup"


@dataclass(frozen=True)
class BackupHead:
    """Format 1: `magic 4 ‖ format u8 ‖ lp16(time u64 ‖ lp16(layout) ‖ lp8(alg) ‖ lp16(wrapped key))`."""

    created_at: int  # microseconds since 1970
    layout: Layout
    alg: str
    wrapped_key: bytes = field(repr=False)

    @cached_property
    def encoded(self) -> bytes:
        rest = b"".join(
            (
                self.created_at.to_bytes(8, "big"),
                lp16(self.layout.encode()),
                lp8(self.alg.encode()),
                lp16(self.wrapped_key),
            )
        )
        return _START.pack(MAGIC, FORMAT, len(rest)) + rest

    @cached_property
    def digest(self) -> bytes:
        return hashlib.sha256(self.encoded).digest()

    @classmethod
    def read(cls, take: Callable[[int], bytes]) -> Self:
        """Read a head from where a file begins. Raises MalformedBytes for whatever `encoded` does not make."""
        start = Reader(take(_START.size))
        magic, form, size = _START.unpack(start.take(_START.size))
        if (magic, form) != (MAGIC, FORMAT):
            raise MalformedBytes("another magic or format")
        reader = Reader(take(size))
        try:
            head = cls(reader.number(8), Layout.decode(reader.lp16()), reader.lp8().decode(), reader.lp16())
        except UnicodeDecodeError as error:
            raise MalformedBytes("not UTF-8") from error
        reader.finish()
        return head


def backup_aad(store_id: bytes, created_at: int) -> bytes:
    """What the key of a backup is bound to: this store, this format, this time."""
    return b"".join((_AAD_LABEL, bytes((FORMAT,)), store_id, created_at.to_bytes(8, "big")))
