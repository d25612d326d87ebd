"""The head of a backup file: with the root key, it opens the rest without the old store."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Self

from sealring.domain.layout import Layout
from sealring.domain.wire import MalformedBytes, Reader, lp8, lp16

MAGIC = b"SLRB"
FORMAT = 3

_START = struct.Struct(">4sBH")  # magic, format, bytes that follow
_AAD_LABEL = b"sealring/v1/backup"


class FileKind(IntEnum):
    """The two files of a backup."""

    DATA = 1
    KEYS = 2  # managed KEKs and scopes: made again after each change of a root key, so that old data files stay usable


@dataclass(frozen=True)
class BackupHead:
    """Format 3: `magic 4 ‖ format u8 ‖ lp16(kind u8 ‖ time u64 ‖ lp16(layout) ‖ lp8(alg) ‖ lp16(wrapped key))`."""

    kind: FileKind
    created_at: int  # microseconds since 1970
    layout: Layout
    alg: str
    wrapped_key: bytes = field(repr=False)

    @cached_property
    def encoded(self) -> bytes:
        rest = b"".join(
            (
                bytes((self.kind,)),
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
        """Read a head from the beginning of a file. Raises MalformedBytes for anything that `encoded` does not make."""
        start = Reader(take(_START.size))
        magic, form, size = _START.unpack(start.take(_START.size))
        if (magic, form) != (MAGIC, FORMAT):
            raise MalformedBytes("another magic or format")
        reader = Reader(take(size))
        try:
            kind, created_at = FileKind(reader.number(1)), reader.number(8)
            head = cls(kind, created_at, Layout.decode(reader.lp16()), reader.lp8().decode(), reader.lp16())
        except ValueError as error:  # an unknown kind, bad UTF-8
            raise MalformedBytes("a head that this version does not know") from error
        reader.finish()
        return head


def backup_aad(kind: FileKind, store_id: bytes, created_at: int) -> bytes:
    """The AAD of a file's wrapped key: this format and kind, this store, this time."""
    return b"".join((_AAD_LABEL, bytes((FORMAT, kind)), store_id, created_at.to_bytes(8, "big")))
