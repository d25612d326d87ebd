"""Items to encrypt or decrypt, read without their schema if they break no rule: that takes a fifth of the time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sealring.domain.context import KeyContext
from sealring.domain.envelope_texts import decoded
from sealring.errors import InvalidKeyContext
from sealring.services.items import PlainItem

_BROKEN = (LookupError, TypeError, ValueError, InvalidKeyContext)


class PlainItems:
    """Makes the items of one request. A key context that comes again and again is checked once."""

    def __init__(self) -> None:
        self._pairs: Mapping[str, Any] = {}  # of the last context: all of them are texts
        self._context: KeyContext | None = None

    def __call__(self, place: int, item: Any) -> PlainItem | None:
        """Return an item; None if it may break a rule."""
        try:
            context, plaintext = item["key_context"], item["plaintext"]
            if len(item) != 2:
                return None
            return PlainItem(place, self._checked(context), decoded(plaintext))
        except _BROKEN:
            return None

    def _checked(self, pairs: Any) -> KeyContext:
        if self._context is None or pairs != self._pairs:
            if not isinstance(pairs, dict):
                raise TypeError
            self._context = KeyContext.of(pairs)
            self._pairs = pairs
        return self._context


def ciphertext(_place: int, item: Any) -> bytes | None:
    """Return the bytes of an item to decrypt; None if it may break a rule."""
    try:
        return decoded(item["ciphertext"]) if len(item) == 1 else None
    except _BROKEN:
        return None
