"""What servers of OAuth say of a token's life, and what we make of it."""

import json

import pytest

from sealring_plugin import token_life_s


@pytest.mark.parametrize(
    ("told", "life_s"),
    [
        ("3599", 3599),
        ('"3599"', 3599),
        ('"3599.5"', 3599.5),
        ("3599.5", 3599.5),
        ("3.599e3", 3599),
        ("1", 1),
        ("86400", 86_400),
        ("86401", 86_400),
        ("1e300", 86_400),
        ("Infinity", 86_400),
        ('"999999999999999"', 86_400),
        (f"1{'0' * 400}", 86_400),
        ("null", 300),
    ],
)
def test_a_life_is_what_was_meant_and_never_more_than_a_day(told, life_s):
    assert token_life_s(json.loads(told), most_s=86_400) == life_s


@pytest.mark.parametrize(
    "told",
    [
        *("0", "-1", "-0.5", "NaN", "true", "false", "[3599]", "{}"),
        *('""', '"-1"', '"0"', '"1e3"', '"3599 s"', '"\N{ARABIC-INDIC DIGIT ONE}"'),
    ],
)
def test_what_is_no_time_to_come_is_none(told):
    assert token_life_s(json.loads(told), most_s=86_400) is None


def test_a_life_that_is_not_said_is_no_longer_than_the_longest():
    assert token_life_s(None, most_s=60) == 60
