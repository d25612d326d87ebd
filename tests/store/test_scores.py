"""A score is a time, and nothing else that a sorted set can keep."""

import pytest

from sealring.errors import IntegrityFailure
from sealring.store.schema.scores import parse_score


@pytest.mark.parametrize(
    ("raw", "time"),
    [
        (b"0", 0),
        (b"1753000000123456", 1_753_000_000_123_456),
        (b"1.753e15", 1_753_000_000_000_000),
        (b"9007199254740992", 1 << 53),
    ],
)
def test_a_whole_number_is_read(raw, time):
    assert parse_score(raw) == time


@pytest.mark.parametrize("raw", [b"inf", b"-inf", b"nan", b"0.5", b"-1", b"1e300", b"9007199254740994", b"-0.5"])
def test_what_is_no_time_is_refused(raw):
    with pytest.raises(IntegrityFailure):
        parse_score(raw)
