"""Timestamps on the wire: RFC 3339 in answers, every format that an SDK sends in requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sealring.errors import MalformedRequest

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  naive, so that isoformat() leaves the offset to us
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_JAVASCRIPT = re.compile(
    rf"[A-Z][a-z]{{2}} ({'|'.join(_MONTHS)}) (\d{{2}}) (\d{{4}}) (\d{{2}}:\d{{2}}:\d{{2}})"
    r" GMT([+ -])(\d{2})(\d{2})( \(.*\))?"
)
# fromisoformat() accepts any character between day and time, and so reads epoch milliseconds as a day of 1612.
_ISO = re.compile(r"\d{4}(-?)\d\d\1\d\d([Tt ]\d\d:?\d\d(:?\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII)
_SPACED_OFFSET = re.compile(r"(?<=\d) (?=\d{2}:?\d{2}$)")  # a '+' that was sent unencoded in a query


def rfc3339(microseconds: int) -> str:
    """Return a timestamp in milliseconds, UTC, with `Z`: every SDK's parser reads it."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_second(seconds)}.{rest // 1000:03}Z"


@lru_cache(1024)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def parse_moment(text: str) -> int:
    """Return microseconds since 1970.

    Accepts ISO 8601 with or without seconds, fraction and offset (UTC if there is none), and the format of JavaScript's
    Date. Raises MalformedRequest.
    """
    try:
        moment = _parsed(_as_iso(text))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - _EPOCH_UTC) // _MICROSECOND
    except (ValueError, OverflowError):
        raise MalformedRequest(
            "updatedAfter is not a timestamp. Send ISO 8601, e.g. 2026-01-31T12:00:00Z.", "updatedAfter"
        ) from None


def _parsed(text: str) -> datetime:
    if not _ISO.fullmatch(text):
        raise ValueError
    return datetime.fromisoformat(text)


def _as_iso(text: str) -> str:
    javascript = _JAVASCRIPT.fullmatch(text)
    if javascript is None:
        # "2026-01-31 12:00" has a space too, but no time before it
        return _SPACED_OFFSET.sub("+", text) if "T" in text.upper() else text
    month, day, year, clock, sign, hours, minutes, _ = javascript.groups()
    number = _MONTHS.index(month) + 1
    return f"{year}-{number:02}-{day}T{clock}{'-' if sign == '-' else '+'}{hours}:{minutes}"
