"""JSON from outside: one object, and nothing that two readers could take for two things."""

import pytest

from sealring.domain.strict_json import MalformedJson, parse_object


def nested(levels, opening=b'{"a":', closing=b"}"):
    return opening * levels + b"1" + closing * levels


def test_an_object_is_read():
    assert parse_object(b' {"a": [1, 2.5, "b", null, true], "c": {"d": "\xc3\xa9"}} ') == {
        "a": [1, 2.5, "b", None, True],
        "c": {"d": "é"},
    }


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"text"', b"1", b"null", b"{} {}", b"\xff{}", b'{"a": 1,}', b"{'a': 1}"]
)
def test_what_is_no_object_is_refused(raw):
    with pytest.raises(MalformedJson):
        parse_object(raw)


@pytest.mark.parametrize("raw", [b'{"a": 1, "a": 1}', b'{"b": {"a": 1, "a": 2}}', b'{"b": [{"a": 1, "\\u0061": 2}]}'])
def test_a_member_twice_is_refused_at_any_depth(raw):
    with pytest.raises(MalformedJson, match="a member twice"):
        parse_object(raw)


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_json_has_no_number_for_is_refused(constant):
    with pytest.raises(MalformedJson, match="NaN or Infinity"):
        parse_object(b'{"a": ' + constant + b"}")


def test_32_levels_are_read():
    assert list(parse_object(nested(32))) == ["a"]
    assert list(parse_object(b'{"a":' + nested(31, b"[", b"]") + b"}")) == ["a"]


@pytest.mark.parametrize("raw", [nested(33), b'{"a":' + nested(32, b"[", b"]") + b"}"], ids=["objects", "arrays"])
def test_33_levels_are_refused(raw):
    with pytest.raises(MalformedJson, match="nested deeper than 32 levels"):
        parse_object(raw)


@pytest.mark.parametrize("raw", [nested(100_000), b'{"a":' + b"[" * 100_000])
def test_more_levels_than_the_parser_has_room_for_are_refused(raw):
    with pytest.raises(MalformedJson):
        parse_object(raw)


@pytest.mark.parametrize("raw", [b'{"a": "\\ud800"}', b'{"\\udfff": 1}', b'{"a": ["x\\ud83dx"]}'])
def test_a_lone_surrogate_is_refused(raw):
    with pytest.raises(MalformedJson, match="a lone surrogate"):
        parse_object(raw)


def test_a_pair_of_surrogates_is_a_character():
    assert parse_object(b'{"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


def test_an_integer_of_thousands_of_digits_is_refused():
    with pytest.raises(MalformedJson):
        parse_object(b'{"a": ' + b"9" * 5000 + b"}")


def test_a_refusal_quotes_nothing():
    with pytest.raises(MalformedJson) as refused:
        parse_object(b'{"canary": canary}')

    assert "canary" not in str(refused.value)
    assert refused.value.__suppress_context__
