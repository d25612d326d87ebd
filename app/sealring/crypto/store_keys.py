"""The keys of a store for digests and MACs, all derived from its store key."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from sealring.crypto.keyed import Keyed

STORE_KEY_BYTES = 32
DIGEST_BYTES = 16  # truncated HMAC-SHA-256: 128 bits, as many as AES-GCM's tag

BLOB_KEY = 1  # the number of the key for new MACs of data key blobs; MACs under lower numbers still verify


def new_store_key() -> bytes:
    return os.urandom(STORE_KEY_BYTES)


class StoreKeys:
    """Keyed digests, one key for each purpose. The caller must encode every input unambiguously.

    `pin`, 32 bytes, is derived likewise, but is not secret: it identifies this store key.
    """

    __slots__ = ("_audit", "_blob", "_cursor", "_etag", "_fingerprint", "_locator", "_record", "pin")

    def __init__(self, store_key: bytes) -> None:
        self._locator = _key(store_key, "locator")
        self._record = _key(store_key, "record")
        self._cursor = _key(store_key, "cursor")
        self._etag = _key(store_key, "etag")
        self._audit = _key(store_key, "audit")
        self._fingerprint = _key(store_key, "fingerprint")
        self._blob = {number: _key(store_key, f"blob/{number}") for number in range(1, BLOB_KEY + 1)}
        self.pin = _subkey(store_key, "pin")

    def locator(self, label: bytes, message: bytes) -> bytes:
        """The digest that replaces a name or a context in key names. 16 bytes."""
        return self._locator.digest(label + message)[:DIGEST_BYTES]

    def record(self, message: bytes) -> bytes:
        """The MAC of a stored record. 16 bytes."""
        return self._record.digest(message)[:DIGEST_BYTES]

    def cursor(self, message: bytes) -> bytes:
        """The MAC of a page's cursor. 16 bytes."""
        return self._cursor.digest(message)[:DIGEST_BYTES]

    def etag(self, message: bytes) -> bytes:
        """A version's etag. 16 bytes."""
        return self._etag.digest(message)[:DIGEST_BYTES]

    def fingerprint(self, message: bytes) -> bytes:
        """The fingerprint of a request, stored to recognise a retry. 16 bytes."""
        return self._fingerprint.digest(message)[:DIGEST_BYTES]

    def audit(self, message: bytes) -> bytes:
        """The MAC of an entry of the audit stream. 16 bytes."""
        return self._audit.digest(message)[:DIGEST_BYTES]

    def blob(self, number: int, message: bytes) -> bytes:
        """The MAC of a data key's blob, under the key `number`. 32 bytes. Raises KeyError for an unknown number."""
        return self._blob[number].digest(message)

    def __repr__(self) -> str:
        return "StoreKeys(…)"


def _key(store_key: bytes, purpose: str) -> Keyed:
    return Keyed.sha256(_subkey(store_key, purpose))


def _subkey(store_key: bytes, purpose: str) -> bytes:
    return HKDFExpand(SHA256(), 32, f"sealring/v1/store/{purpose}".encode()).derive(store_key)
