"""Encrypted values of keyrings, and their plaintexts, as the texts that callers send and get."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

import pybase64

from sealring.errors import EnvelopeRejected

_PIECE = 3 << 16  # bytes, a multiple of 3: a call lets go of the interpreter only when it is done
_PIECE_OF_TEXT = _PIECE // 3 * 4


def text_of(encrypted: bytes) -> str:
    """Return standard base64, with padding."""
    if len(encrypted) <= _PIECE:
        return pybase64.b64encode_as_string(encrypted)
    pieces = (encrypted[at : at + _PIECE] for at in range(0, len(encrypted), _PIECE))
    return "".join([pybase64.b64encode_as_string(each) for each in pieces])


def encrypted_of(text: str) -> bytes:
    """Read standard base64 with padding; line ends are ignored, as by other servers. Raises EnvelopeRejected."""
    try:
        if not text.isascii():
            raise EnvelopeRejected("base64")
        if len(text) <= _PIECE_OF_TEXT:
            return _read(_without_line_ends(text))
        return b"".join(_pieces(text, _without_line_ends))
    except ValueError:
        raise EnvelopeRejected("base64") from None


def decoded(text: str) -> bytes:
    """Read standard base64 with padding, and nothing else. Raises ValueError."""
    return _read(text) if len(text) <= _PIECE_OF_TEXT else b"".join(_pieces(text, str))


def _pieces(text: str, cleaned: Callable[[str], str]) -> Iterator[bytes]:
    """Read a text a piece at a time; nothing follows one with padding. Raises ValueError."""
    rest, ended = "", False
    for at in range(0, len(text), _PIECE_OF_TEXT):
        piece = rest + cleaned(text[at : at + _PIECE_OF_TEXT])
        if ended and piece:
            raise ValueError("padding before the end")
        whole = len(piece) // 4 * 4
        rest, raw = piece[whole:], _read(piece[:whole])
        ended |= len(raw) < whole // 4 * 3
        yield raw
    yield _read(rest)


def _read(text: str) -> bytes:
    return pybase64.b64decode(text, validate=True)


def _without_line_ends(text: str) -> str:
    if "\n" in text or "\r" in text:
        return text.replace("\n", "").replace("\r", "")
    return text


def data_of(plaintext: str) -> bytes:
    """Return what is encrypted of a text."""
    if len(plaintext) <= _PIECE:
        return plaintext.encode()
    return b"".join([plaintext[at : at + _PIECE].encode() for at in range(0, len(plaintext), _PIECE)])


def plaintext_of(raw: bytes) -> str:
    """Raises EnvelopeRejected for what is no text: nothing that was encrypted here, since requests have only texts."""
    try:
        if len(raw) <= _PIECE:
            return raw.decode()
        decoder = codecs.getincrementaldecoder("utf-8")()
        pieces = [decoder.decode(raw[at : at + _PIECE]) for at in range(0, len(raw), _PIECE)]
        return "".join((*pieces, decoder.decode(b"", final=True)))
    except UnicodeDecodeError:
        raise EnvelopeRejected("not a text") from None
