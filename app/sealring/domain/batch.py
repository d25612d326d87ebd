"""The items of a batch: each is sealed by itself, and those of one key context have their head in common."""

from __future__ import annotations

from sealring.domain.envelope import DataKeyBlob, Header
from sealring.domain.ids import uuid_text
from sealring.domain.values import value

MAX_ITEMS = 1_000
INDEX_BYTES = 4


@value
class Head:
    """What the items of a batch with one key context have in common; `encoded` is its bytes, with which each begins."""

    key: DataKeyBlob
    encoded: bytes

    @property
    def header(self) -> Header:
        return self.key.header

    @property
    def batch_id(self) -> str:
        return uuid_text(self.key.data_key_id)


@value
class Item:
    """One sealed item. With its MAC appended, it is `ciphertext` on the wire."""

    head: Head
    index: int  # u32; its place in the request that sealed it
    nonce: bytes  # 12 bytes
    ciphertext: bytes  # with its 16-byte tag
