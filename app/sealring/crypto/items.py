"""Sealing the items of a batch under one data key: each under a key of its own, which only its index leads to."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring.crypto.hkdf import Extracted
from sealring.domain.batch import INDEX_BYTES, Head, Item
from sealring.domain.envelope import DEK_BYTES
from sealring.errors import IntegrityFailure

_LABEL = b"sealring/v1/item"


class ItemKeys:
    """The keys of the items with one head. `dek` is the data key that the head commits to: check that before.

    An item's key is derived from its index, and the index is in the AAD with the head's header and commitment.
    """

    __slots__ = ("_aad", "_head", "_info", "_prk")

    def __init__(self, dek: bytearray, head: Head) -> None:
        header = head.header
        self._head = head
        self._prk = Extracted(header.message_id, dek)
        self._info = _LABEL + header.suite.to_bytes(2, "big")
        self._aad = header.encoded + head.key.commitment

    def seal(self, index: int, nonce: bytes, plaintext: bytes) -> Item:
        """Seal one item. An index is for one plaintext: its key is for one use."""
        place = index.to_bytes(INDEX_BYTES, "big")
        return Item(self._head, index, nonce, self._cipher(place).encrypt(nonce, plaintext, self._aad + place))

    def open(self, item: Item) -> bytes:
        """Return the plaintext of an item with this head. Raises IntegrityFailure if it was not sealed at its index."""
        place = item.index.to_bytes(INDEX_BYTES, "big")
        try:
            return self._cipher(place).decrypt(item.nonce, item.ciphertext, self._aad + place)
        except InvalidTag as error:
            raise IntegrityFailure("ciphertext") from error

    def __repr__(self) -> str:
        return "ItemKeys(…)"

    def _cipher(self, place: bytes) -> AESGCM:
        return AESGCM(self._prk.expand(self._info + place, DEK_BYTES))
