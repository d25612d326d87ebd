"""The MAC of a data key's blob, which proves that this store made it.

A wrap under a public key (RSA-OAEP) does not prove who made it, and anyone can compute the commitment. So a blob ends
with the number of a key derived from the store key, and a MAC under that key over the rest of the blob.
"""

from __future__ import annotations

import hmac
import struct

from sealring.crypto.store_keys import BLOB_KEY, StoreKeys
from sealring.errors import IntegrityFailure

_TRAILER = struct.Struct(">H32s")  # number of the key, HMAC-SHA-256


def signed(keys: StoreKeys, body: bytes) -> bytes:
    """Return a blob with its MAC appended."""
    return body + _TRAILER.pack(BLOB_KEY, keys.blob(BLOB_KEY, body))


def genuine(keys: StoreKeys, raw: bytes) -> bytes:
    """Return a blob without its MAC. Raises IntegrityFailure if this store's key did not make it."""
    body = raw[: -_TRAILER.size]
    try:
        number, mac = _TRAILER.unpack_from(raw, len(body))
        expected = keys.blob(number, body)
    except (struct.error, KeyError):
        raise IntegrityFailure("blob MAC") from None
    if not hmac.compare_digest(expected, mac):
        raise IntegrityFailure("blob MAC")
    return body
