"""Scores of sorted sets: times, as whole numbers."""

from __future__ import annotations

from sealring.errors import IntegrityFailure

_LARGEST = 1 << 53  # a store keeps scores as IEEE 754 binary64: beyond it, not every whole number is one


def parse_score(raw: bytes) -> int:
    """Read the score of a member, in microseconds since 1970.

    Raises IntegrityFailure for what we never wrote: less than 0, a fraction, more than a store can keep, infinite.
    """
    score = float(raw)
    if not 0 <= score <= _LARGEST or not score.is_integer():
        raise IntegrityFailure("a score that is no time")
    return int(score)
