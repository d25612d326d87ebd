"""Sealing a stream of any length: chunks of one size, each bound to its number and to whether it is the last.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, CRYPTO 2015): what is cut off, put into another
order or doubled does not open, and no chunk is given away before it was authenticated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from sealring.domain.envelope import DEK_BYTES, NONCE_BYTES, TAG_BYTES
from sealring.errors import IntegrityFailure

CHUNK_BYTES = 64 << 10
SEALED_BYTES = CHUNK_BYTES + TAG_BYTES

_LABEL = b"sealring/v1/chunks"


class Chunks:
    """Seals one stream, or opens it. `dek` is for this stream alone, and `head`, 32 bytes, is what stands before it."""

    def __init__(self, dek: bytearray, head: bytes) -> None:
        self._cipher = AESGCM(HKDFExpand(SHA256(), DEK_BYTES, _LABEL + head).derive(dek))

    def seal(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the sealed chunks of a stream that comes in pieces of any size. All but the last are full."""
        waiting = bytearray()
        number = 0
        for piece in pieces:
            waiting += piece
            while len(waiting) > CHUNK_BYTES:
                yield self._cipher.encrypt(_nonce(number), waiting[:CHUNK_BYTES], _aad(number, last=False))
                del waiting[:CHUNK_BYTES]
                number += 1
        yield self._cipher.encrypt(_nonce(number), waiting, _aad(number, last=True))

    def open(self, read: Callable[[int], bytes]) -> Iterator[bytes]:
        """Yield the chunks of a stream. `read(size)` returns fewer bytes at its end alone.

        Raises IntegrityFailure for a chunk that is not what was sealed at its place.
        """
        number = 0
        sealed = read(SEALED_BYTES)
        while sealed:
            following = read(SEALED_BYTES)
            yield self._opened(number, sealed, last=not following)
            sealed = following
            number += 1
        if number == 0:
            raise IntegrityFailure("no chunk")

    def _opened(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(number), sealed, _aad(number, last=last))
        except InvalidTag as error:
            raise IntegrityFailure("chunk") from error


def _nonce(number: int) -> bytes:
    """NIST SP 800-38D 8.2.1: a counter, since the key seals one stream only."""
    return number.to_bytes(NONCE_BYTES, "big")


def _aad(number: int, *, last: bool) -> bytes:
    return number.to_bytes(8, "big") + bytes((last,))
