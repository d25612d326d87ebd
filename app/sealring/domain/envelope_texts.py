"""Encrypted values of keyrings, and their plaintexts, as the texts that callers send and get."""

from __future__ import annotations

import binascii

from sealring.errors import EnvelopeRejected


def text_of(encrypted: bytes) -> str:
    """Return standard base64, with padding."""
    return binascii.b2a_base64(encrypted, newline=False).decode()


def encrypted_of(text: str) -> bytes:
    """Read standard base64 with padding; line ends are ignored, as by other servers. Raises EnvelopeRejected."""
    if "\n" in text or "\r" in text:
        text = text.replace("\n", "").replace("\r", "")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # and what is not ASCII
        raise EnvelopeRejected("base64") from None


def plaintext_of(raw: bytes) -> str:
    """Raises EnvelopeRejected for what is no text: nothing that was encrypted here, since requests have only texts."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise EnvelopeRejected("not a text") from None
