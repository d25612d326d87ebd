"""Encrypted values of keyrings, and their plaintexts, as the texts that callers send and get."""

from __future__ import annotations

import binascii

from sealring.errors import EnvelopeRejected

_LINE_ENDS = str.maketrans("", "", "\r\n")  # other servers of vault.v1 ignore them


def text_of(encrypted: bytes) -> str:
    """Return standard base64, with padding."""
    return binascii.b2a_base64(encrypted, newline=False).decode()


def encrypted_of(text: str) -> bytes:
    """Read standard base64 with padding; line ends are ignored. Raises EnvelopeRejected."""
    try:
        return binascii.a2b_base64(_without_line_ends(text), strict_mode=True)
    except ValueError:  # and what is not ASCII
        raise EnvelopeRejected("base64") from None


def _without_line_ends(text: str) -> str:
    """`translate` takes ten times as long as to see that there are none."""
    return text.translate(_LINE_ENDS) if "\n" in text or "\r" in text else text


def plaintext_of(raw: bytes) -> str:
    """Raises EnvelopeRejected for what is no text: nothing that was encrypted here, since requests have only texts."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise EnvelopeRejected("not a text") from None
