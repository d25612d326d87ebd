"""Times on the wire: one form going out, the same moment in every spelling coming in."""

import pytest

from sealring.errors import MalformedRequest
from sealring.http.timestamps import parse_moment, rfc3339

NOON = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z, in microseconds


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOON, "2026-01-31T12:00:00.000Z"),
        (NOON + 123_999, "2026-01-31T12:00:00.123Z"),
    ],
)
def test_a_time_is_shown_in_milliseconds_and_utc(microseconds, text):
    assert rfc3339(microseconds) == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.000Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00",
        "20260131T120000Z",
        "2026-01-31t12:00:00,0+00",
        "2026-01-31 12:00:00",
        "2026-01-31T14:00:00+02:00",
        "2026-01-31T14:00:00+0200",
        "2026-01-31T14:00:00 02:00",
        "2026-01-31T07:00:00-05:00",
        "Sat Jan 31 2026 12:00:00 GMT+0000 (Coordinated Universal Time)",
        "Sat Jan 31 2026 13:00:00 GMT+0100",
        "Sat Jan 31 2026 13:00:00 GMT 0100 (Central European Standard Time)",
        "Sat Jan 31 2026 07:00:00 GMT-0500 (Eastern Standard Time)",
    ],
)
def test_one_moment_has_many_spellings(text):
    assert parse_moment(text) == NOON


def test_a_day_begins_at_midnight_in_utc():
    assert parse_moment("2026-01-31") == NOON - 12 * 3600 * 1_000_000


def test_a_fraction_is_kept_to_the_microsecond():
    assert parse_moment("2026-01-31T12:00:00.123456789Z") == NOON + 123_456


@pytest.mark.parametrize(
    "text",
    [
        *("", "noon", "2026", "2026-13-01", "2026-02-30T12:00:00Z", "2026-01-31T25:00:00Z", "12:00:00", "1769860800"),
        *(
            "1612121212121",
            "1711111111111",
            "20260131120000",
            "2026-01-31X12:00",
            "2026-01-31\n12:00",
            "2026-01-31T12:00+0",
        ),
        *("1" * 8_000, "2026-01-31T12:00:00+" + "0" * 7_000, "2026-01-31T12:00:00+00:00:00.1", "2026-01-31T12.5"),
        *("Sat Jan 32 2026 12:00:00 GMT+0000", "Sat Jam 31 2026 12:00:00 GMT+0000", "Sat Jan 31 2026 12:00:00"),
    ],
)
def test_what_is_no_time_is_malformed(text):
    with pytest.raises(MalformedRequest, match="^updatedAfter is not a timestamp"):
        parse_moment(text)
