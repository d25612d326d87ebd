"""JSON from outside: one object, and nothing that two readers could take for two things."""

import json
import time

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealring.domain.strict_json import MalformedJson, parse_object

MIB = 1 << 20
BODY_BYTES = 6_356_992  # what a request may have


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
    with pytest.raises(MalformedJson, match="a duplicate member"):
        parse_object(raw)


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_json_has_no_number_for_is_refused(constant):
    with pytest.raises(MalformedJson, match="NaN or Infinity"):
        parse_object(b'{"a": ' + constant + b"}")


def test_32_levels_are_read():
    assert list(parse_object(nested(32))) == ["a"]
    assert list(parse_object(b'{"a":' + nested(31, b"[", b"]") + b"}")) == ["a"]


@pytest.mark.parametrize(
    "raw",
    [nested(33), b'{"a":' + nested(32, b"[", b"]") + b"}", nested(32).replace(b"1", b"{}")],
    ids=["objects", "arrays", "an empty one at last"],
)
def test_33_levels_are_refused(raw):
    with pytest.raises(MalformedJson, match="nested deeper than 32 levels"):
        parse_object(raw)


@pytest.mark.parametrize("raw", [nested(100_000), nested(19_000), b'{"a":' + b"[" * 100_000, b'{"a":' + b"[" * 19_000])
def test_more_levels_than_the_parser_has_room_for_are_refused(raw):
    with pytest.raises(MalformedJson):
        parse_object(raw)


def listed(item, size=BODY_BYTES):
    """An object with one array, of as many of these items as fit."""
    return b'{"a":[' + b",".join([item] * ((size - 8) // (len(item) + 1))) + b"]}"


@pytest.mark.parametrize(
    "item", [b"[]", b"{}", b"[[]]", b"[" * 20 + b"]" * 20, b'{"a":[]}', b'{"":0}', b"0", b'""', b'","']
)
def test_a_body_full_of_values_is_refused_before_it_is_parsed(item):
    body = listed(item)
    began = time.thread_time()
    with pytest.raises(MalformedJson, match="over 20000 objects, arrays and commas"):
        parse_object(body)

    assert time.thread_time() - began < 0.5  # parsed, the first takes 2 s, and 7 s in a worker


LARGEST = {
    "a text": b'{"a":"' + b"x" * (BODY_BYTES - 8) + b'"}',
    "a text of JSON": b'{"a":"' + b'[{\\"a\\":1},' * ((BODY_BYTES - 8) // 11) + b'"}',
    "a text of commas": b'{"a":"' + b"," * (BODY_BYTES - 8) + b'"}',
    "escapes": b'{"a":"' + b"\\u0001" * ((BODY_BYTES - 8) // 6) + b'"}',
    "backslashes": b'{"a":"' + b"\\\\" * ((BODY_BYTES - 8) // 2) + b'"}',
    "pairs of surrogates": b'{"a":"' + b"\\ud83d\\ude00" * ((BODY_BYTES - 8) // 12) + b'"}',
    "a name": b'{"' + b"x" * (BODY_BYTES - 8) + b'":1}',
    "blanks": b"{" + b" " * (BODY_BYTES - 8) + b"}",
    "arrays": b'{"a":[' + b",".join([b"[]"] * 9_999) + b"]}",
    "members": b"{" + b",".join(b'"%d":0' % number for number in range(20_000)) + b"}",
    "numbers": b'{"a":[' + b",".join([b"9" * 309] * 19_999) + b"]}",
    "a fraction": b'{"a":0.' + b"3" * (BODY_BYTES - 8) + b"}",
}


@pytest.mark.parametrize("raw", LARGEST.values(), ids=list(LARGEST))
def test_the_largest_bodies_cost_less_than_half_a_second(raw):
    began = time.thread_time()

    parse_object(raw)

    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    "raw", [b'{"a":"' + b'\\"' * 3_000_000, b'"' * 6_000_000, b"\\" * 6_000_000, b'{"a":' + b"[" * 6_000_000]
)
def test_what_is_no_json_costs_no_more(raw):
    began = time.thread_time()
    with pytest.raises(MalformedJson):
        parse_object(raw)

    assert time.thread_time() - began < 0.5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('[]{},:"\\/a\n\u00e9', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[{,"\\a', max_size=4), inner, max_size=4),
)


def items(value):
    """What the limit counts, told from the values themselves."""
    if not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(len(value) - 1, 0) + sum(map(items, inner))


@given(st.dictionaries(st.text('[{,"\\a', max_size=4), JSON, max_size=6), st.booleans())
def test_texts_count_for_nothing_and_all_else_for_what_it_is(parsed, ascii_only):
    raw = json.dumps(parsed, ensure_ascii=ascii_only).encode()

    assert parse_object(raw, items(parsed)) == parsed
    with pytest.raises(MalformedJson, match="objects, arrays and commas"):
        parse_object(raw, items(parsed) - 1)


NAMES = st.sampled_from(["a", "b", "", "\n", '"', ":", "{", "\\", "\u00e9"])


def written(inner):
    """JSON as text: arrays, and objects in which a name may be there twice."""
    pairs = st.lists(st.tuples(NAMES, inner), max_size=4)
    objects = pairs.map(lambda pairs: "{" + " ,".join(f"{json.dumps(name)} :{text}" for name, text in pairs) + "}")
    return objects | st.lists(inner, max_size=3).map(lambda texts: "[" + ",".join(texts) + "]")


WRITTEN = st.recursive(
    NAMES.map(json.dumps)
    | st.sampled_from(["0", "-0", "1.5", "1e999", "-1e-999", "18446744073709551616", "9" * 310, "null", "true", "NaN"]),
    written,
)


def fraction(digits):
    """float() itself would ask the quick parser."""
    return float(digits)


def read(raw, **otherwise):
    try:
        return repr(parse_object(raw, **otherwise))
    except MalformedJson as refusal:
        return str(refusal)


@given(st.lists(st.tuples(NAMES, WRITTEN), max_size=4), st.text('{}[]",:a', max_size=3))
def test_the_quick_parser_and_the_other_agree(pairs, more):
    raw = "{" + ",".join(f"{json.dumps(name)}: {text}" for name, text in pairs) + "}" + more

    assert read(raw.encode()) == read(raw.encode(), parse_float=fraction)


TEXTS = st.text(st.sampled_from('ab"\\\n\u00e9\u20ac\U0001f511')) | st.text(max_size=40)


@pytest.fixture
def in_tiny_pieces(monkeypatch):
    monkeypatch.setattr("sealring.domain.strict_json.LARGE_BYTES", 0)
    monkeypatch.setattr("sealring.domain.long_texts.PIECE_BYTES", 24)
    monkeypatch.setattr("sealring.domain.long_texts.SHORT_BYTES", 4)


@pytest.mark.usefixtures("in_tiny_pieces")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(TEXTS, TEXTS | JSON, max_size=6), st.booleans())
def test_what_is_read_in_pieces_is_what_was_written(parsed, ascii_only):
    raw = json.dumps(parsed, ensure_ascii=ascii_only).encode()

    assert parse_object(raw) == parsed


@pytest.mark.usefixtures("in_tiny_pieces")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=1000)
@given(st.text(st.sampled_from('{}[]",:\\abcdfu0189 \n\u00e9\U0001f511'), max_size=90), st.integers(0, 90))
def test_what_is_read_in_pieces_is_refused_as_what_is_read_whole(text, cut):
    for raw in (text.encode(), b'{"a": "' + text.encode()[cut:] + b'", "b": 1}'):
        with pytest.MonkeyPatch.context() as whole:
            whole.setattr("sealring.domain.strict_json.LARGE_BYTES", 1 << 20)
            expected = outcome(raw)
        assert outcome(raw) == expected


def outcome(raw):
    """What is read, or that it is refused."""
    try:
        return parse_object(raw)
    except MalformedJson:
        return MalformedJson


@pytest.mark.usefixtures("in_tiny_pieces")
@pytest.mark.parametrize(
    "raw",
    [
        b'{"a-long-name": 1, "a-long-name": 2}',
        b'{"a-long-name": 1, "a-long-n\\u0061me": 2}',
        b'{"x": {"a-long-name": 1, "a-long-name": 2}}',
        b'{"a": "a long text without an end',
        b'{"a": "a long text with \\ud83d a lone surrogate"}',
        b'{"a": "a long text with a line end \n"}',
        b'{"a": "a long text that is no UTF-8 \xc3"}',
        b'{"a": "a long text that ends in a backslash \\',
        b'{"a": \\"a long text that does not begin\\"}',
        b'{"a": ' + b"1" * 400 + b"}",
    ],
)
def test_what_is_read_in_pieces_is_as_strict(raw):
    with pytest.raises(MalformedJson):
        parse_object(raw)


def test_no_parser_gets_more_of_a_large_body_than_a_piece(monkeypatch):
    parsed = {"keyring": "x", "data": "\n\u00e9x" * MIB, "more": {str(number): "x" * 1000 for number in range(5000)}}
    sizes = []

    class Parser:
        def loads(self, raw):
            sizes.append(len(raw))
            return orjson.loads(raw)

    for module in ("strict_json", "long_texts"):
        monkeypatch.setattr(f"sealring.domain.{module}.orjson", Parser())

    assert parse_object(json.dumps(parsed).encode()) == parsed
    assert max(sizes) < 512 << 10


@pytest.mark.parametrize("raw", [b'{"a": "\\ud800"}', b'{"\\udfff": 1}', b'{"a": ["x\\ud83dx"]}'])
def test_a_lone_surrogate_is_refused(raw):
    with pytest.raises(MalformedJson, match="a lone surrogate"):
        parse_object(raw)


def test_a_pair_of_surrogates_is_a_character():
    assert parse_object(b'{"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


@pytest.mark.parametrize("number", [b"1" * 310, b"-" + b"1" * 310, b"9" * 5000])
def test_an_integer_that_is_infinity_for_most_readers_is_refused(number):
    with pytest.raises(MalformedJson, match="an integer of over 309 digits"):
        parse_object(b'{"a": ' + number + b"}")


@pytest.mark.parametrize("number", [b"1" * 309, b"-" + b"1" * 309, b"-0", b"1.7e308", b"1" * 310 + b".0e-300"])
def test_another_number_is_read(number):
    assert parse_object(b'{"a": ' + number + b"}") == {"a": json.loads(number)}


def test_a_refusal_quotes_nothing():
    with pytest.raises(MalformedJson) as refused:
        parse_object(b'{"canary": canary}')

    assert "canary" not in str(refused.value)
    assert refused.value.__suppress_context__
