"""HKDF (RFC 5869) with SHA-512, for keys of at most one block: two HMACs of the standard library.

The equivalent objects of `cryptography` cost about 7 µs each, three times per read. Both give the same results for the
test vectors.
"""

from __future__ import annotations

import hashlib
import hmac

_HASH = hashlib.sha512  # by its name, OpenSSL would look it up for each digest, for a microsecond and a half
BLOCK_BYTES = 64  # the output of SHA-512, and the maximum length of a key


def extract(salt: bytes, secret: bytes | bytearray) -> bytes:
    """RFC 5869 2.2. Returns 64 bytes."""
    return hmac.digest(salt, secret, _HASH)


def expand(prk: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869 2.3, limited to one block: `size` is 1 to 64."""
    return hmac.digest(prk, info + b"\x01", _HASH)[:size]
