import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.properties import property_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('{"p": "text"}', "text"),
        ('{"p": ""}', ""),
        ('{"p": "{\\"q\\": 1}"}', '{"q": 1}'),
        ('{"p": "é\\n\\u20ac"}', "é\n€"),
        ('{"p": 5432}', "5432"),
        ('{"p": 123456789012345678901234567890}', "123456789012345678901234567890"),
        ('{"p": -1.5}', "-1.5"),
        ('{"p": 1e400}', "1e400"),
        ('{"p": 1E2}', "1E2"),
        ('{"p": 12345678901234567.89}', "12345678901234567.89"),
        (
            '{"p": {"q": [0.10000000000000000001, {"r": -1e-400}], "s": "\\u20ac\\""}}',
            '{"q":[0.10000000000000000001,{"r":-1e-400}],"s":"€\\""}',
        ),
        ('{"p": true}', "true"),
        ('{"p": null}', "null"),
        ('{"p": {"b": [1, "é"]}}', '{"b":[1,"é"]}'),
        (' {"other": 1, "p" : [ ] } ', "[]"),
    ],
)
def test_a_string_is_read_as_it_is_and_anything_else_as_json(value, text):
    assert property_of(value, "p") == text


@pytest.mark.parametrize(
    "value",
    ["", "plain text", '"p"', '["p"]', "null", "1", '{"q": "p"}', '{"p": "a", "p": "b"}', '{"p": NaN}', '{"p": "a"', '{"p": "\\ud800"}'],
)  # fmt: skip
def test_there_is_no_property_of_anything_but_one_strict_object_that_has_it(value):
    assert property_of(value, "p") is None


@given(st.dictionaries(st.text(max_size=5), st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=5))
def test_every_string_of_an_object_comes_back(properties):
    names = [name for name in properties if name.isprintable() and name.encode("utf-8", "ignore").decode() == name]
    value = json.dumps({name: properties[name] for name in names})

    assert {name: property_of(value, name) for name in names} == {name: properties[name] for name in names}
