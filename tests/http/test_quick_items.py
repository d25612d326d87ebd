"""Items of batches that are read without their schema are what the schema makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.errors import InvalidKeyContext
from sealring.http.batches.quick import ciphertexts, plain_items
from sealring.http.batches.requests import DecryptBatch, EncryptBatch, loaded
from sealring.services.items import PlainItem

base64s = st.text("AQg+/=-_ \n\0ż", max_size=9) | st.binary(max_size=9).map(lambda raw: raw.hex())
anything = base64s | st.none() | st.booleans() | st.integers() | st.lists(base64s, max_size=2)
pairs = st.dictionaries(st.sampled_from(["organization_id", "organizationId", "type", ""]), anything, max_size=2)
contexts = pairs | st.dictionaries(st.just("type"), st.sampled_from(["a", "b"]), min_size=1) | anything
members = {"key_context": contexts, "plaintext": base64s | anything, "ciphertext": base64s | anything}
items = anything | st.fixed_dictionaries({}, optional={**members, "other": anything})
to_encrypt = st.fixed_dictionaries({name: members[name] for name in ("key_context", "plaintext")})
to_decrypt = st.fixed_dictionaries({"ciphertext": members["ciphertext"]})


def plain(place, item):
    return PlainItem(place, item["key_context"], item["plaintext"])


def shown(found):
    good, bad = found
    return good, {place: (type(failure), str(failure), failure.violations) for place, failure in bad.items()}


@given(st.lists(items | to_encrypt, max_size=4))
def test_items_to_encrypt_are_what_their_schema_makes_of_them(batch):
    body = {"items": batch}

    assert shown(loaded(EncryptBatch, body, plain, plain_items)) == shown(loaded(EncryptBatch, body, plain))


@given(st.lists(items | to_decrypt, max_size=4))
def test_items_to_decrypt_are_what_their_schema_makes_of_them(batch):
    body = {"items": batch}
    make = lambda _place, item: item["ciphertext"]  # noqa: E731

    assert shown(loaded(DecryptBatch, body, make, ciphertexts)) == shown(loaded(DecryptBatch, body, make))


def test_each_item_has_the_context_of_its_own():
    types = ["a", "a", "b", "a", "b", "b"]

    made = plain_items([{"key_context": {"type": each}, "plaintext": "AA=="} for each in types])

    assert [each.context.as_dict() for each in made] == [{"type": each} for each in types]


@pytest.mark.parametrize("other", [2, None, "1", {}, [], {"type": 1}, {"type": "1", "organization_id": "a"}])
def test_a_context_that_is_not_the_one_before_is_not_taken_for_it(other):
    _, made = plain_items([{"key_context": each, "plaintext": ""} for each in ({"type": "1"}, other)])

    assert made is None or made.context.as_dict() == other != {"type": "1"}


def test_a_refused_context_does_not_stay():
    bad = {"key_context": {"organization_id": "no id!"}, "plaintext": ""}

    assert plain_items([bad] * 3) == [None] * 3
    assert isinstance(loaded(EncryptBatch, {"items": [bad]}, plain, plain_items)[1][0], InvalidKeyContext)


@pytest.mark.parametrize(
    "item",
    [
        {"key_context": {"type": "a"}, "plaintext": "AA==", "other": ""},
        {"key_context": {"type": "a"}, "plaintext": "A A="},
        {"key_context": {"type": "a"}},
        {"plaintext": "AA=="},
        ["key_context", "plaintext"],
    ],
)
def test_an_item_to_encrypt_that_breaks_a_rule_is_left_to_the_schema(item):
    assert plain_items([item]) == [None]


@pytest.mark.parametrize(
    "item", [{"ciphertext": "AA==", "other": ""}, {"ciphertext": "A A="}, {"ciphertext": "AA="}, {}, "ciphertext", None]
)
def test_an_item_to_decrypt_that_breaks_a_rule_is_left_to_the_schema(item):
    assert ciphertexts([item]) == [None]
