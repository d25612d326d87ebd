import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.context import KeyContext
from sealring.errors import InvalidKeyContext

any_text = st.text(st.characters(exclude_categories=()), min_size=1, max_size=12)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=12)
contexts = st.dictionaries(
    texts.filter(lambda key: key not in {"organization_id", "organizationId"}), texts, min_size=1, max_size=10
)


def test_pairs_are_encoded_in_the_order_of_their_keys():
    context = KeyContext.of({"type": "card", "organization_id": "org_1"})

    assert context.canonical == b"\x00\x0forganization_id\x00\x05org_1\x00\x04type\x00\x04card"


def test_the_digest_is_sha_256_of_the_encoding():
    context = KeyContext.of({"organization_id": "org_1"})

    assert context.digest.hex() == "80efb6bf4eceed968c3b8d8f19d4095fb870e1204115df59600bfc48a612fdba"


@given(contexts, contexts)
def test_different_contexts_never_have_one_encoding(one, other):
    assert (KeyContext.of(one).canonical == KeyContext.of(other).canonical) == (one == other)


@given(contexts)
def test_an_encoding_is_read_back_as_the_same_context(pairs):
    context = KeyContext.of(pairs)

    assert KeyContext.decode(context.canonical) == context


@given(st.binary(max_size=80))
def test_bytes_that_are_no_encoding_are_refused_or_encode_the_same(raw):
    try:
        context = KeyContext.decode(raw)
    except ValueError:
        return

    assert context.canonical == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01b\x00\x01v\x00\x01a\x00\x01v",  # not in the order of the keys
        b"\x00\x01a\x00\x01v\x00\x01a\x00\x01v",  # a key twice
        b"\x00\x01a\x00\x00",  # an empty value
        b"\x00\x01a",  # a key without a value
        b"",
    ],
)
def test_pairs_in_another_form_are_no_encoding(raw):
    with pytest.raises(ValueError):
        KeyContext.decode(raw)


@given(st.dictionaries(any_text, any_text, min_size=1, max_size=3))
def test_text_that_has_no_utf_8_is_refused(pairs):
    parts = [*pairs, *pairs.values()]
    broken = any("\0" in part or any(0xD800 <= ord(each) <= 0xDFFF for each in part) for part in parts)

    try:
        KeyContext.of(pairs)
    except InvalidKeyContext:
        return

    assert not broken


@pytest.mark.parametrize(
    "pairs",
    [
        {},
        {str(number): "v" for number in range(11)},
        {"": "v"},
        {"k" * 121: "v"},
        {"k": ""},
        {"k": "v" * 501},
        {"k": 1},
        {"k": None},
        {"k": ["v"]},
        {"k": "\0"},
        {"k\0": "v"},
        {"k": "\ud800"},
        {"\udfff": "v"},
        {"organization_id": "org 1"},
        {"organization_id": "o" * 65},
        {"organization_id": "org_1", "organizationId": "org_2"},
    ],
)
def test_a_context_that_breaks_a_rule_is_refused(pairs):
    with pytest.raises(InvalidKeyContext, match="^Invalid key context"):
        KeyContext.of(pairs)


@pytest.mark.parametrize(
    "pairs",
    [
        {"organization_id": "org_1"},
        {"organizationId": "org_1"},
        {"organization_id": "org_1", "organizationId": "org_1"},
        {"type": "card", "organizationId": "org_1"},
    ],
)
def test_both_spellings_name_the_organization(pairs):
    assert KeyContext.of(pairs).organization == "org_1"


def test_a_context_may_name_no_organization():
    assert KeyContext.of({"type": "card"}).organization == ""


def test_limits_themselves_are_allowed():
    pairs = {f"{number}{'k' * 119}": "v" * 500 for number in range(10)}

    assert len(KeyContext.of(pairs).pairs) == 10


@pytest.mark.parametrize(("characters", "short"), [(495, True), (496, False)])
def test_no_cache_keeps_a_long_context(characters, short):
    """Caches count entries: somebody could fill the memory with contexts of 25 KiB."""
    context = KeyContext.of({"k": "v" * characters, "type": "card"})
    raw = context.canonical
    long = KeyContext.decode(raw)

    assert (len(raw), context.is_short) == (512 if short else 513, short)
    assert (KeyContext.decode(bytes(bytearray(raw))) is long) is short
    assert long == context
