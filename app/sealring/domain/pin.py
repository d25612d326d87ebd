"""The pin of a store: it identifies the only store that the settings trust.

    sealring store pin 1
    store <the store's id, a UUID>
    key <HKDF of the store key, 64 hexadecimal digits>

It is not secret: it opens nothing, and the store key cannot be derived from it. Wrapping the store key again does not
change it.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Self

from sealring.domain.ids import parse_uuid, uuid_text

KEY_BYTES = 32

_TEXT = re.compile(r"sealring store pin 1\nstore ([0-9a-f-]{36})\nkey ([0-9a-f]{64})\n")


@dataclass(frozen=True, slots=True)
class Pin:
    """The pin of one store. `key` is derived from the store key and identifies it."""

    store_id: bytes  # 16 bytes
    key: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pin. Raises ValueError for anything that `encode` does not make."""
        found = _TEXT.fullmatch(text)
        store_id = parse_uuid(found[1]) if found is not None else None
        if found is None or store_id is None:
            raise ValueError("not a pin")
        return cls(store_id, bytes.fromhex(found[2]))

    def encode(self) -> str:
        return f"sealring store pin 1\nstore {uuid_text(self.store_id)}\nkey {self.key.hex()}\n"

    def is_of_store(self, store_id: bytes) -> bool:
        return hmac.compare_digest(self.store_id, store_id)

    def is_of_key(self, key: bytes) -> bool:
        return hmac.compare_digest(self.key, key)
