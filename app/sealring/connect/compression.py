"""gzip (RFC 1952), in memory that is known before anything is decompressed."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Protocol

from sealring.connect.codes import Code
from sealring.connect.refusals import Refused
from sealring.fibers import heavy

_GZIP = 16 + zlib.MAX_WBITS  # zlib.net/manual.html, inflateInit2: only the format of gzip
_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_LEAST_BYTES = 18  # a header, nothing, and a trailer
_PIECE_BYTES = 1 << 20  # that takes a tenth of a second, if it is made to take long
_WORST_RATIO = 16  # of input to output: what makes less, such as blocks without content, was made to take long
_BASE_S, _S_PER_BYTE = 0.1, 0.03 / (1 << 20)  # of a processor: at least four times as long as what gzip makes takes
_LEVEL = 1  # what is sent is base64 of ciphertexts, of which a higher level makes no less


class _Stream(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def size_of(compressed: bytes) -> int:
    """Return how many bytes the trailer says that there are. Raises Refused for what has none, or is not gzip."""
    if len(compressed) < _LEAST_BYTES or not compressed.startswith(_MAGIC):
        raise _refused()
    return int.from_bytes(compressed[-4:], "little")


def decompressed(compressed: bytes, size: int) -> bytes:
    """Return the content, if it is one member, and nothing follows it. Raises Refused.

    `size` is what the trailer says, which zlib compares: no more than a byte above it is ever made. Large content is
    made a piece at a time, so that others have their turn; and content in a million tiny blocks, each with a code of
    its own, is refused when it has taken too much of a processor.
    """
    try:
        parts = list(_parts(compressed, size, max(size, len(compressed))))
    except zlib.error:
        raise _refused() from None
    return heavy(partial(b"".join, parts), size)


def _parts(compressed: bytes, size: int, weight: int) -> Iterator[bytes]:
    """Yield the content. Raises Refused, zlib.error."""
    stream, left, left_s = zlib.decompressobj(_GZIP), size, _BASE_S + weight * _S_PER_BYTE
    for at in range(0, len(compressed), _PIECE_BYTES):
        if stream.eof:
            raise _refused()
        piece = compressed[at : at + _PIECE_BYTES]
        part, took_s = heavy(partial(_part, stream, piece, left + 1), weight)
        left -= len(part)
        left_s -= took_s
        if left_s < 0:
            raise Refused(
                Code.RESOURCE_EXHAUSTED, "The body takes too long to decompress. Send it without compression."
            )
        if left < 0 or (len(part) * _WORST_RATIO < len(piece) and not stream.eof):
            raise _refused()
        yield part
    if not stream.eof or stream.unused_data:
        raise _refused()


def _part(stream: _Stream, piece: bytes, most: int) -> tuple[bytes, float]:
    """Return content, and the seconds of a processor that it took: waiting for one is not the client's fault."""
    began = time.thread_time()
    return stream.decompress(piece, most), time.thread_time() - began


def compressed(raw: bytes) -> bytes:
    return gzip.compress(raw, _LEVEL, mtime=0)


def _refused() -> Refused:
    return Refused(Code.INVALID_ARGUMENT, "The body is not gzip, of one member. Send it again, or without compression.")
