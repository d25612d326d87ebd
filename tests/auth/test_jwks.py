import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from auth.kit import b64, b64_number, ec_key, ed_key, jwk, jwks_bytes, key_set, rsa_key
from sealring.auth.jwks import KeySet, KeySetRefused

P384 = ec.generate_private_key(ec.SECP384R1())


def refusal(*jwks):
    with pytest.raises(KeySetRefused) as caught:
        KeySet.parse(jwks_bytes(*jwks))
    return str(caught.value)


def test_keys_of_all_three_types_are_found_by_kid():
    keys = KeySet.parse(jwks_bytes(jwk(rsa_key(), "r"), jwk(ec_key(), "e"), jwk(ed_key(), "o")))

    assert keys.key("r").public.public_numbers() == rsa_key().public_key().public_numbers()
    assert keys.key("e").public.public_numbers() == ec_key().public_key().public_numbers()
    assert keys.key("o").public.public_bytes_raw() == ed_key().public_key().public_bytes_raw()


def test_the_ed25519_key_of_rfc_8037_is_read():
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

    keys = KeySet.of([{"kty": "OKP", "crv": "Ed25519", "x": x}])

    assert keys.key(None).public.public_bytes_raw().hex() == (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )


def test_an_unknown_kid_finds_nothing():
    assert key_set(jwk(ec_key())).key("k2") is None


def test_without_a_kid_the_only_key_is_found():
    assert key_set(jwk(ec_key())).key(None).kid == "k1"
    assert key_set(jwk(ec_key(), None)).key(None).kid is None


def test_without_a_kid_one_of_several_keys_is_not_found():
    assert key_set(jwk(ec_key()), jwk(ec_key(2), "k2")).key(None) is None


def test_a_kid_does_not_find_a_key_that_has_none():
    assert key_set(jwk(ec_key(), None)).key("k1") is None


@pytest.mark.parametrize(
    ("key", "fitting"),
    [(rsa_key(), ["RS256", "PS256"]), (ec_key(), ["ES256"]), (ed_key(), ["EdDSA"])],
    ids=["RSA", "EC", "OKP"],
)
def test_a_key_fits_the_algorithms_of_its_type_alone(key, fitting):
    found = key_set(jwk(key)).key("k1")

    fits = [alg for alg in ("RS256", "PS256", "ES256", "EdDSA", "HS256", "none", "RS512") if found.fits(alg)]

    assert fits == fitting


def test_a_key_with_an_algorithm_fits_that_one_alone():
    found = key_set(jwk(rsa_key(), alg="PS256")).key("k1")

    assert found.fits("PS256")
    assert not found.fits("RS256")


@pytest.mark.parametrize(
    "foreign",
    [
        jwk(rsa_key(), "enc", use="enc", alg="RSA-OAEP"),
        jwk(rsa_key(), "enc", key_ops=["encrypt"]),
        jwk(rsa_key(), "enc", key_ops="verify"),
        jwk(P384, "p384"),
        jwk(ed_key(), "x", crv="X25519"),
        {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AA"},
        {"kid": "nothing"},
    ],
    ids=["use", "key_ops", "key_ops text", "P-384", "X25519", "AKP", "no type"],
)
def test_a_key_that_is_not_for_our_signatures_is_left_out(foreign):
    keys = KeySet.parse(jwks_bytes(foreign, jwk(ec_key())))

    assert keys.key(foreign["kid"]) is None
    assert keys.key("k1") is not None
    assert refusal(foreign) == "no key for RS256, PS256, ES256 or EdDSA signatures"


def test_use_sig_and_the_operation_verify_are_taken():
    assert key_set(jwk(ec_key(), use="sig", key_ops=["verify", "sign"])).key("k1") is not None


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_set_with_a_private_member_is_refused(member):
    private = jwk(rsa_key(), "k2", use="enc") | {member: "AQAB"}

    assert refusal(jwk(ec_key()), private) == "key 2: symmetric or private; publish public keys only"


def test_a_set_with_a_symmetric_key_is_refused():
    assert "symmetric" in refusal(jwk(ec_key()), {"kty": "oct", "kid": "k2"})


def test_rsa_under_2048_bits_is_refused():
    assert refusal(jwk(rsa_key(1024))) == "key 1: RSA under 2048 bits"


@pytest.mark.parametrize("bits", [2041, 2047])
def test_an_rsa_key_has_as_many_bits_as_its_modulus_and_not_as_its_octets(bits):
    modulus = b64_number(2**bits - 1, 256)

    assert refusal(jwk(rsa_key(), n=modulus)) == "key 1: RSA under 2048 bits"


def test_an_rsa_key_of_2048_bits_is_taken():
    assert key_set(jwk(rsa_key(), n=b64_number(2**2048 - 1, 256))).key("k1").public.key_size == 2048


@pytest.mark.parametrize("coordinate", ["x", "y"])
def test_a_coordinate_behind_a_zero_is_refused(coordinate):
    good = jwk(ec_key())
    longer = b64(b"\0" + base64.urlsafe_b64decode(good[coordinate] + "="))

    assert refusal(good | {coordinate: longer}) == "key 1: a P-256 coordinate has 32 bytes"


@pytest.mark.parametrize(
    "broken",
    [
        jwk(ec_key(), x=b64(bytes(31))),
        jwk(ec_key(), y=b64(bytes(33))),
        jwk(ec_key(), x=b64(bytes(32))),
        jwk(ec_key(), x=7),
        jwk(ec_key(), x=""),
        jwk(ec_key(), x="a"),
        jwk(ec_key(), x=jwk(ec_key())["x"] + "="),
        jwk(ed_key(), x=b64(bytes(31))),
        jwk(rsa_key(), e="AQ"),
        jwk(rsa_key(), e="AA"),
        jwk(rsa_key(), n=None),
        jwk(ec_key(), 7),
        jwk(ec_key(), ""),
        jwk(ec_key(), alg=None),
        [],
        "k1",
        None,
    ],
)
def test_values_that_are_no_key_are_refused_with_their_place(broken):
    assert refusal(broken).startswith("key 1: ")


def test_two_keys_of_one_kid_are_refused():
    assert refusal(jwk(ec_key()), jwk(ec_key(2))) == "two keys have the same kid"


def test_a_key_without_kid_among_several_is_refused():
    assert refusal(jwk(ec_key()), jwk(ec_key(2), None)) == "every key of several needs a kid"


def test_32_keys_are_taken_and_33_refused():
    keys = [jwk(ec_key(), f"k{number}") for number in range(33)]

    assert KeySet.parse(jwks_bytes(*keys[:32])).key("k31") is not None
    assert refusal(*keys) == "a set has a list of 1 to 32 keys"


def test_64_kib_are_taken_and_a_byte_more_refused():
    raw = jwks_bytes(jwk(ec_key()))
    full = raw + b" " * (65_536 - len(raw))

    assert KeySet.parse(full).key("k1") is not None
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
