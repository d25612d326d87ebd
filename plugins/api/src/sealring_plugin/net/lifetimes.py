"""How long a token is good that a server of OAuth's gave: its `expires_in` (RFC 6749 section 5.1)."""

from __future__ import annotations

import re

UNSAID_LIFE_S = 300.0  # the member is only recommended: short enough to be wrong for a few minutes at most

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")


def token_life_s(expires_in: object, *, most_s: float) -> float | None:
    """Return the life of a token in seconds, `most_s` at most; None if what the server said is no time to come.

    Some servers send the number as a text, some a fraction, and some leave it away: then it is 300 s.
    """
    if expires_in is None:
        return min(UNSAID_LIFE_S, most_s)
    if isinstance(expires_in, str) and _NUMBER.fullmatch(expires_in):
        expires_in = float(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return None
    return min(expires_in, most_s) if expires_in > 0 else None
