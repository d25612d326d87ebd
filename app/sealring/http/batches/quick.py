"""Items to encrypt or decrypt, read without their schema if they break no rule: that takes a fifth of the time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sealring.domain.context import KeyContext
from sealring.domain.envelope_texts import decoded
from sealring.errors import InvalidKeyContext
from sealring.many import in_turns
from sealring.services.items import PlainItem

_ITEM_BYTES = 512  # the time of a small item compares to that of reading so many bytes
_BROKEN = (LookupError, TypeError, ValueError, InvalidKeyContext)


def plain_items(items: Sequence[Any]) -> Sequence[PlainItem | None]:
    """Return the items of one request to encrypt; None for one that may break a rule."""
    contexts = _Contexts()

    def plain(place: int) -> PlainItem | None:
        try:
            item = items[place]
            context, plaintext = contexts.of(item["key_context"]), decoded(item["plaintext"])
            return PlainItem(place, context, plaintext) if len(item) == 2 else None
        except _BROKEN:
            return None

    return in_turns(range(len(items)), _weights(items, "plaintext"), lambda some: [plain(each) for each in some])


def ciphertexts(items: Sequence[Any]) -> Sequence[bytes | None]:
    """Return the bytes of the items of one request to decrypt; None for one that may break a rule."""
    return in_turns(items, _weights(items, "ciphertext"), lambda some: [_ciphertext(each) for each in some])


def _ciphertext(item: Any) -> bytes | None:
    try:
        return decoded(item["ciphertext"]) if len(item) == 1 else None
    except _BROKEN:
        return None


class _Contexts:
    """Checks a key context that comes again and again once."""

    def __init__(self) -> None:
        self._pairs: Any = None  # of the last good one: all of them are texts
        self._context: KeyContext | None = None

    def of(self, pairs: Any) -> KeyContext:
        """Raises TypeError; InvalidKeyContext."""
        if self._context is None or pairs != self._pairs:
            if not isinstance(pairs, dict):
                raise TypeError
            self._context, self._pairs = KeyContext.of(pairs), pairs
        return self._context


def _weights(items: Sequence[Any], member: str) -> Sequence[int]:
    try:
        return [_ITEM_BYTES + len(item[member]) for item in items]
    except (LookupError, TypeError):  # of an item that breaks a rule
        return [_ITEM_BYTES + text_size(item) for item in items]


def text_size(item: Any) -> int:
    """Return how many characters the texts of an item have."""
    texts = item.values() if type(item) is dict else ()
    return sum([len(text) for text in texts if type(text) is str])
