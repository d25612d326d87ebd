"""A key set is a JSON document of at most 64 KiB, or is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.kit import ec_key, jwk, jwks_bytes
from sealring.auth.jwks import KeySet, KeySetRefused


def test_as_many_keys_are_taken_as_64_kib_hold():
    raw = jwks_bytes(*(jwk(ec_key(), f"k{number}") for number in range(430)))
    keys = KeySet.parse(raw)

    assert 60_000 < len(raw) <= 65_536
    assert keys.key("k32", "ES256").kid == "k32"
    assert keys.key("k429", "ES256").kid == "k429"


def test_64_kib_are_taken_and_a_byte_more_refused():
    raw = jwks_bytes(jwk(ec_key()))
    full = raw + b" " * (65_536 - len(raw))

    assert KeySet.parse(full).key("k1", "ES256") is not None
    with pytest.raises(KeySetRefused, match="64 KiB"):
        KeySet.parse(full + b" ")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [], "keys": [1]}',
        b'{"keys": [NaN]}',
        b"\xff",
        b"<html>",
        json.dumps({"keys": 1}).encode("utf-16"),
        b'{"keys":' + b"[" * 30_000,
    ],
)
def test_what_is_no_key_set_is_refused(raw):
    with pytest.raises(KeySetRefused):
        KeySet.parse(raw)


def test_a_duplicate_member_inside_a_key_is_refused():
    raw = jwks_bytes(jwk(ec_key())).replace(b'"kid": "k1"', b'"kid": "k0", "kid": "k1"')

    with pytest.raises(KeySetRefused):
        KeySet.parse(raw)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["RSA", "EC", "OKP", "P-256", "AQAB", "sig"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e", "kid", "use", "key_ops", "alg"]), inner)
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_document_is_read_or_refused_and_nothing_else(document):
    try:
        keys = KeySet.of(document)
    except KeySetRefused:
        return

    assert keys.keys
