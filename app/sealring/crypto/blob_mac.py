"""The MAC of a data key's blob: that we made it, whoever else could have made its wraps.

A wrap under a public key (RSA-OAEP) proves nothing of who made it, and the commitment is anybody's to compute. So a
blob ends with the number of a key that comes from the store key, and a MAC under that key over all before both.
"""

from __future__ import annotations

import hmac
import struct

from sealring.crypto.store_keys import BLOB_KEY, StoreKeys
from sealring.errors import IntegrityFailure

_TRAILER = struct.Struct(">H32s")  # number of the key, HMAC-SHA-256


def signed(keys: StoreKeys, body: bytes) -> bytes:
    """Return a blob with its MAC behind it."""
    return body + _TRAILER.pack(BLOB_KEY, keys.blob(BLOB_KEY, body))


def genuine(keys: StoreKeys, raw: bytes) -> bytes:
    """Return a blob without its MAC. Raises IntegrityFailure for whatever we did not make with this store's key."""
    body, trailer = raw[: -_TRAILER.size], raw[-_TRAILER.size :]
    try:
        number, mac = _TRAILER.unpack(trailer)
        expected = keys.blob(number, body)
    except (struct.error, KeyError):
        raise IntegrityFailure("blob MAC") from None
    if not hmac.compare_digest(expected, mac):
        raise IntegrityFailure("blob MAC")
    return body
