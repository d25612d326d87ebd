"""Tokens of forms: only whoever has the secret of a session can make one, and each is for one form alone."""

from __future__ import annotations

import hmac

_LABEL = b"sealring/portal/form/v1\0"


def form_token(secret: str, purpose: str) -> str:
    """Return 64 hexadecimal digits."""
    return hmac.digest(secret.encode(), _LABEL + purpose.encode(), "sha256").hex()


def is_form_token(token: str, secret: str, purpose: str) -> bool:
    return hmac.compare_digest(token.encode(), form_token(secret, purpose).encode())
