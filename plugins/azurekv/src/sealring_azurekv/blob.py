"""What is stored of a wrapped key, and what is bound to it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Self

from sealring_plugin import CiphertextRejected, CustomersKey, WrapContext

MIN_DEK_BYTES = 16
MAX_DEK_BYTES = 64
DIGEST_BYTES = 32
CHECKSUM_BYTES = 8

_FORMAT = b"\x01"
_LABEL = b"sealring-azurekv/v1/dek"


@dataclass(frozen=True, slots=True)
class Blob:
    """`format u8 ‖ lp(kid) ‖ lp(iv) ‖ lp(tag) ‖ lp(ciphertext) ‖ checksum 8`; lengths are u16.

    The checksum is no protection, and whoever writes the store can make one. It tells a blob that was damaged from a
    `kid` that the vault does not know any more: both would be "not found" otherwise.
    """

    alg: str
    kid: str
    ciphertext: bytes = field(repr=False)
    iv: bytes = b""
    tag: bytes = b""

    def encode(self) -> bytes:
        body = _FORMAT + b"".join(map(_prefixed, (self.kid.encode(), self.iv, self.tag, self.ciphertext)))
        return body + _checksum(self.alg, body)

    @classmethod
    def parse(cls, alg: str, blob: bytes) -> Self:
        """Raises CiphertextRejected."""
        body, checksum = blob[:-CHECKSUM_BYTES], blob[-CHECKSUM_BYTES:]
        if body[:1] != _FORMAT or checksum != _checksum(alg, body):
            raise CiphertextRejected("the wrapped key is damaged")
        kid, iv, tag, ciphertext = _parts(body[1:])
        try:
            return cls(alg, kid.decode("ascii"), ciphertext, iv, tag)
        except UnicodeDecodeError:
            raise CiphertextRejected("the wrapped key names no key") from None


def digest(key: CustomersKey, context: WrapContext) -> bytes:
    """Return SHA-256 of what a wrapped key is bound to: key, organization, context sorted by name, and AAD."""
    pairs = [text.encode() for pair in sorted(context.pairs.items()) for text in pair]
    whose = [key.key_id.encode(), key.version.to_bytes(8, "big"), key.option("external_id").encode()]
    parts = [_LABEL, *whose, *pairs, context.aad]
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


def joined(dek: bytes | bytearray, bound: bytes) -> bytes:
    """Return `length u8 ‖ DEK ‖ digest`: 97 bytes at most, where OAEP-256 under RSA-2048 takes 190."""
    return bytes([len(dek)]) + dek + bound


def split(plaintext: bytes, bound: bytes) -> bytearray:
    """Return the DEK. Raises CiphertextRejected where the digest is another one."""
    dek, found = plaintext[1:-DIGEST_BYTES], plaintext[-DIGEST_BYTES:]
    if not hmac.compare_digest(found, bound) or plaintext[0] != len(dek) or len(dek) < MIN_DEK_BYTES:
        raise CiphertextRejected("the wrapped key is bound to another record")
    return bytearray(dek)


def _prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part


def _checksum(alg: str, body: bytes) -> bytes:
    return hashlib.sha256(_prefixed(alg.encode()) + body).digest()[:CHECKSUM_BYTES]


def _parts(packed: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return four parts that are exactly all. Raises CiphertextRejected."""
    found = []
    while packed:
        size = int.from_bytes(packed[:2], "big")
        found.append(packed[2 : 2 + size])
        if len(packed) < 2 + size:
            break
        packed = packed[2 + size :]
    if packed or len(found) != 4:
        raise CiphertextRejected("the wrapped key is malformed")
    kid, iv, tag, ciphertext = found
    return kid, iv, tag, ciphertext
