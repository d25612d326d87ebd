"""HKDF (RFC 5869) with SHA-512, for keys of one block: two HMACs of the standard library.

The objects of `cryptography` for the same cost some seven microseconds each, three times in a read. The test vectors
hold for both.
"""

from __future__ import annotations

import hmac

_HASH = "sha512"
BLOCK_BYTES = 64  # of SHA-512: a key may be that long


def extract(salt: bytes, secret: bytes | bytearray) -> bytes:
    """RFC 5869 2.2. Returns 64 bytes."""
    return hmac.digest(salt, secret, _HASH)


def expand(prk: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869 2.3, of which one block is asked: `size` is 1 to 64."""
    return hmac.digest(prk, info + b"\x01", _HASH)[:size]
