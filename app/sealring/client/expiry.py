"""What a token says of its own end. Nothing of it is verified: only the server does that."""

from __future__ import annotations

import base64
import json

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def in_words(length_s: float) -> str:
    """Return a length of time in its largest unit, rounded down, e.g. "3 days"."""
    size, unit = next((each for each in _UNITS if length_s >= each[0]), _UNITS[-1])
    count = int(length_s // size)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def why_refused(token: str, now: float) -> str:
    """Return why a server may have refused a token, as far as the token itself says it. Quotes nothing of it."""
    try:
        claims = _claims(token)
        expires = float(claims["exp"])
        left_s = expires - now
        length = in_words(abs(left_s))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return "it is not a JWT with a time of expiry"
    if left_s <= 0:
        return f"it expired {length} ago"
    return (
        f"it expires in {length}, so there is another reason, which is in the log of the server; "
        "`sealring token inspect` shows the claims"
    )


def _claims(token: str) -> dict[str, float]:
    _, payload, _ = token.split(".")
    claims: dict[str, float] = json.loads(base64.b64decode(payload + "=" * (-len(payload) % 4), b"-_", validate=True))
    return claims
