"""Reading large JSON a piece at a time: a parser lets go of the interpreter only when it is done.

Texts that are not short are read by themselves, in pieces, and stand in for by short ones that nobody can guess. What
is left is small, and is for the strict parser.
"""

from __future__ import annotations

import secrets
from typing import Any

import orjson

PIECE_BYTES = 256 << 10  # what a parser reads in less than a millisecond
SHORT_BYTES = 128  # of a text that stays where it is

_UNICODE_ESCAPE = 6  # \uXXXX
_HIGH = (b"\\ud8", b"\\ud9", b"\\uda", b"\\udb")  # the first half of a character that takes two of them


class TooManyTexts(ValueError):
    """There are more names and values than there may be."""


class Shortened:
    """JSON with short texts in the place of longer ones. ValueErrors say why it is refused, without quoting it."""

    def __init__(self, raw: bytes, max_texts: int) -> None:
        """`max_texts`: names and values. Raises TooManyTexts, ValueError."""
        self._raw = raw
        self._token = secrets.token_hex(16)
        self._kept: list[bytes] = []
        self._texts: dict[str, str] = {}
        self._parts: list[str] = []  # of a text that is not read to its end
        self._inside = False  # a text
        self._quotes_left = 2 * max_texts
        at = 0
        while at < len(raw):
            at = self._read_piece(at)
        if self._inside:
            raise ValueError("a text without an end")

    @property
    def json(self) -> bytes:
        return b"".join(self._kept)

    def filled(self, value: Any) -> Any:
        """Return what was parsed with the texts that were there. Raises ValueError for a member that is there twice."""
        kind = type(value)
        if kind is str:
            return self._texts.get(value, value)
        if kind is list:
            return [self.filled(each) for each in value]
        if kind is not dict:
            return value
        filled = {self._texts.get(name, name): self.filled(each) for name, each in value.items()}
        if len(filled) != len(value):
            raise ValueError("a duplicate member")
        return filled

    def _read_piece(self, at: int) -> int:
        """Read about a piece, and return where the next one begins."""
        masked = _masked(self._raw[at : at + PIECE_BYTES])
        following = self._raw[at + PIECE_BYTES : at + PIECE_BYTES + 1]
        size = _end_of_whole(masked, following[0]) if following else len(masked)
        segments = masked[:size].split(b'"')
        self._quotes_left -= len(segments) - 1
        if self._quotes_left < 0:
            raise TooManyTexts
        start, last = at, len(segments) - 1
        for number, segment in enumerate(segments):
            end = start + len(segment)
            if self._inside:
                self._read_text(start, end, ends=number < last)
            else:
                self._kept.append(self._raw[start:end])
            self._inside ^= number < last
            start = end + 1
        return at + size

    def _read_text(self, start: int, end: int, *, ends: bool) -> None:
        if ends and not self._parts and end - start <= SHORT_BYTES:
            self._kept.append(self._raw[start - 1 : end + 1])
            return
        try:
            self._parts.append(orjson.loads(b'"%b"' % self._raw[start:end]))
        except ValueError:
            raise ValueError("not JSON in UTF-8") from None
        if ends:
            name = f"{self._token}{len(self._texts)}"
            self._texts[name] = "".join(self._parts)
            self._kept.append(b'"%b"' % name.encode())
            self._parts = []


def _masked(raw: bytes) -> bytes:
    """Return as many bytes, in which each quote is one of JSON, and each backslash begins another escape than those."""
    return raw.replace(b"\\\\", b"..").replace(b'\\"', b"..")


def _end_of_whole(masked: bytes, following: int) -> int:
    """Return where a piece may end if that byte follows: within no character, escape or pair of surrogates."""
    end = len(masked)
    while end > len(masked) - 4 and following & 0xC0 == 0x80:  # RFC 3629, section 3
        end -= 1
        following = masked[end]
    escape = masked.rfind(b"\\", end - _UNICODE_ESCAPE + 1, end)
    if escape >= 0 and (escape + 1 == end or masked[escape + 1] == ord("u")):
        end = escape
    if masked[end - _UNICODE_ESCAPE : end - 2].lower() in _HIGH:
        end -= _UNICODE_ESCAPE
    return end
