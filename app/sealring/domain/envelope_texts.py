"""Encrypted values of keyrings, and their plaintexts, as the texts that callers send and get."""

from __future__ import annotations

import binascii
from collections.abc import Iterator

from sealring.errors import EnvelopeRejected

_PIECE = 3 << 16  # bytes, a multiple of 3: a call lets go of the interpreter only when it is done
_PIECE_OF_TEXT = _PIECE // 3 * 4


def text_of(encrypted: bytes) -> str:
    """Return standard base64, with padding."""
    if len(encrypted) <= _PIECE:
        return binascii.b2a_base64(encrypted, newline=False).decode()
    pieces = (encrypted[at : at + _PIECE] for at in range(0, len(encrypted), _PIECE))
    return "".join([binascii.b2a_base64(each, newline=False).decode() for each in pieces])


def encrypted_of(text: str) -> bytes:
    """Read standard base64 with padding; line ends are ignored, as by other servers. Raises EnvelopeRejected."""
    try:
        if not text.isascii():
            raise EnvelopeRejected("base64")
        if len(text) <= _PIECE_OF_TEXT:
            return _read(_without_line_ends(text))
        return b"".join(_pieces(text))
    except ValueError:
        raise EnvelopeRejected("base64") from None


def _pieces(text: str) -> Iterator[bytes]:
    """Read a text a piece at a time; nothing follows one with padding. Raises ValueError."""
    rest, ended = "", False
    for at in range(0, len(text), _PIECE_OF_TEXT):
        piece = rest + _without_line_ends(text[at : at + _PIECE_OF_TEXT])
        if ended and piece:
            raise ValueError("padding before the end")
        whole = len(piece) // 4 * 4
        rest, raw = piece[whole:], _read(piece[:whole])
        ended = len(raw) < whole // 4 * 3
        yield raw
    yield _read(rest)


def _read(text: str) -> bytes:
    return binascii.a2b_base64(text, strict_mode=True)


def _without_line_ends(text: str) -> str:
    if "\n" in text or "\r" in text:
        return text.replace("\n", "").replace("\r", "")
    return text


def plaintext_of(raw: bytes) -> str:
    """Raises EnvelopeRejected for what is no text: nothing that was encrypted here, since requests have only texts."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise EnvelopeRejected("not a text") from None
