"""Scores of sorted sets: times, as whole numbers."""

from __future__ import annotations

from sealring.errors import IntegrityFailure

_LARGEST = 1 << 53  # scores are IEEE 754 binary64: up to this, every whole number is exact


def parse_score(raw: bytes) -> int:
    """Read the score of a member, in microseconds since 1970.

    Raises IntegrityFailure for what we never write: less than 0, a fraction, more than 2^53, infinite.
    """
    score = float(raw)
    if not 0 <= score <= _LARGEST or not score.is_integer():
        raise IntegrityFailure("a score that is no time")
    return int(score)
