"""Sealing a stream of any length in numbered chunks.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, CRYPTO 2015): each chunk is bound to its number and
to whether it is the last. A truncated stream does not open, nor one with reordered or repeated chunks. Each chunk is
authenticated before it is returned.
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
    """Seals or opens one stream. `dek` is only for this stream; `head`, 32 bytes, is the digest of what precedes it."""

    def __init__(self, dek: bytearray, head: bytes) -> None:
        self._cipher = AESGCM(HKDFExpand(SHA256(), DEK_BYTES, _LABEL + head).derive(dek))

        self._waiting = bytearray()
        self._number = 0

    def add(self, piece: bytes) -> Iterator[bytes]:
        """Take the next piece of a stream, of any size, and yield the full chunks, sealed."""
        self._waiting += piece
        while len(self._waiting) > CHUNK_BYTES:
            yield self._sealed(self._waiting[:CHUNK_BYTES], last=False)
            del self._waiting[:CHUNK_BYTES]

    def end(self) -> bytes:
        """Return the last chunk of the stream."""
        return self._sealed(self._waiting, last=True)

    def seal(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the sealed chunks of a stream that comes in pieces of any size. All but the last are full."""
        for piece in pieces:
            yield from self.add(piece)
        yield self.end()

    def open(self, read: Callable[[int], bytes]) -> Iterator[bytes]:
        """Yield the opened chunks of a stream. `read(size)` returns fewer bytes only at its end.

        Raises IntegrityFailure for a chunk that was not sealed at its place, and for an empty stream.
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

    def _sealed(self, chunk: bytearray, *, last: bool) -> bytes:
        self._number += 1
        return self._cipher.encrypt(_nonce(self._number - 1), chunk, _aad(self._number - 1, last=last))

    def _opened(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(number), sealed, _aad(number, last=last))
        except InvalidTag as error:
            raise IntegrityFailure("chunk") from error


def _nonce(number: int) -> bytes:
    """NIST SP 800-38D 8.2.1: a counter, because the key seals only one stream."""
    return number.to_bytes(NONCE_BYTES, "big")


def _aad(number: int, *, last: bool) -> bytes:
    return number.to_bytes(8, "big") + bytes((last,))
