"""gzip (RFC 1952), in memory that is known before anything is decompressed."""

from __future__ import annotations

import gzip
import zlib

from sealring.connect.codes import Code
from sealring.connect.refusals import Refused

_GZIP = 16 + zlib.MAX_WBITS  # zlib.net/manual.html, inflateInit2: only the format of gzip
_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_LEAST_BYTES = 18  # a header, nothing, and a trailer
_LEVEL = 1  # what is sent is base64 of ciphertexts, of which a higher level makes no less


def size_of(compressed: bytes) -> int:
    """Return how many bytes the trailer says that there are. Raises Refused for what has none, or is not gzip."""
    if len(compressed) < _LEAST_BYTES or not compressed.startswith(_MAGIC):
        raise _refused()
    return int.from_bytes(compressed[-4:], "little")


def decompressed(compressed: bytes, size: int) -> bytes:
    """Return the content, if it is one member, and nothing follows it. Raises Refused.

    `size` is what the trailer says, which zlib compares: no more than a byte above it is ever made.
    """
    stream = zlib.decompressobj(_GZIP)
    try:
        raw = stream.decompress(compressed, size + 1)
    except zlib.error:
        raise _refused() from None
    if not stream.eof or stream.unused_data:
        raise _refused()
    return raw


def compressed(raw: bytes) -> bytes:
    return gzip.compress(raw, _LEVEL, mtime=0)


def _refused() -> Refused:
    return Refused(Code.INVALID_ARGUMENT, "The body is not gzip, of one member. Send it again, or without compression.")
