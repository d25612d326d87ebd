"""Keys of a set are found by their kid and algorithm, and what is no key to use leaves the others."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from auth.kit import b64, b64_number, ec_key, ed_key, jwk, jwks_bytes, key_set, rsa_key
from sealring.auth.jwks import KeySet, KeySetRefused

NO_KEY = "no key for RS256, PS256, ES256 or EdDSA signatures"
P384 = ec.generate_private_key(ec.SECP384R1())


def refusal(*jwks):
    with pytest.raises(KeySetRefused) as caught:
        KeySet.parse(jwks_bytes(*jwks))
    return str(caught.value)


def test_keys_of_all_three_types_are_found_by_kid():
    keys = KeySet.parse(jwks_bytes(jwk(rsa_key(), "r"), jwk(ec_key(), "e"), jwk(ed_key(), "o")))

    assert keys.key("r", "RS256").public.public_numbers() == rsa_key().public_key().public_numbers()
    assert keys.key("e", "ES256").public.public_numbers() == ec_key().public_key().public_numbers()
    assert keys.key("o", "EdDSA").public.public_bytes_raw() == ed_key().public_key().public_bytes_raw()


def test_the_ed25519_key_of_rfc_8037_is_read():
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

    keys = KeySet.of([{"kty": "OKP", "crv": "Ed25519", "x": x}])

    assert keys.key(None, "EdDSA").public.public_bytes_raw().hex() == (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )


def test_an_unknown_kid_finds_nothing():
    assert key_set(jwk(ec_key())).key("k2", "ES256") is None


def test_without_a_kid_the_only_key_of_the_algorithm_is_found():
    assert key_set(jwk(ec_key())).key(None, "ES256").kid == "k1"
    assert key_set(jwk(ec_key(), None)).key(None, "ES256").kid is None
    assert key_set(jwk(rsa_key(), "r"), jwk(ec_key())).key(None, "ES256").kid == "k1"


def test_without_a_kid_one_of_several_keys_of_the_algorithm_is_not_found():
    assert key_set(jwk(ec_key()), jwk(ec_key(2), "k2")).key(None, "ES256") is None


def test_without_a_kid_the_key_that_has_none_is_found_among_several():
    keys = key_set(jwk(ec_key()), jwk(ec_key(2), None), jwk(ec_key(3), "k3"))

    assert keys.key(None, "ES256").public == ec_key(2).public_key()
    assert keys.key("k3", "ES256").public == ec_key(3).public_key()


def test_a_kid_does_not_find_a_key_that_has_none():
    assert key_set(jwk(ec_key(), None)).key("k1", "ES256") is None


def test_keys_of_several_types_may_share_a_kid():
    keys = key_set(jwk(rsa_key()), jwk(ec_key()), jwk(ed_key()))

    assert [keys.key("k1", alg).kty for alg in ("RS256", "PS256", "ES256", "EdDSA")] == ["RSA", "RSA", "EC", "OKP"]
    assert keys.unusable == {}


def test_keys_of_one_type_may_share_a_kid_if_each_has_an_algorithm():
    keys = key_set(jwk(rsa_key(2048), alg="RS256"), jwk(rsa_key(2056), alg="PS256"))

    assert [keys.key("k1", alg).public.key_size for alg in ("RS256", "PS256")] == [2048, 2056]


def test_of_two_keys_that_cannot_be_told_apart_the_first_counts():
    keys = key_set(jwk(ec_key()), jwk(ec_key(2)), jwk(ec_key(3), None), jwk(ec_key(4), None))

    assert keys.key("k1", "ES256").public == ec_key().public_key()
    assert keys.key(None, "ES256").public == ec_key(3).public_key()
    assert keys.unusable == {"with the kid of another key": 2}


@pytest.mark.parametrize(
    ("key", "fitting"),
    [(rsa_key(), ["RS256", "PS256"]), (ec_key(), ["ES256"]), (ed_key(), ["EdDSA"])],
    ids=["RSA", "EC", "OKP"],
)
def test_a_key_fits_the_algorithms_of_its_type_alone(key, fitting):
    (found,) = key_set(jwk(key)).keys

    fits = [alg for alg in ("RS256", "PS256", "ES256", "EdDSA", "HS256", "none", "RS512") if found.fits(alg)]

    assert fits == fitting


def test_a_key_with_an_algorithm_fits_that_one_alone():
    keys = key_set(jwk(rsa_key(), alg="PS256"))

    assert keys.key("k1", "PS256") is not None
    assert keys.key("k1", "RS256") is None


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

    assert [key.kid for key in keys.keys] == ["k1"]
    assert refusal(foreign) == f"{NO_KEY} (1 for another use, type or curve)"


def test_use_sig_and_the_operation_verify_are_taken():
    assert key_set(jwk(ec_key(), use="sig", key_ops=["verify", "sign"])).key("k1", "ES256") is not None


@pytest.mark.parametrize(
    ("unusable", "why"),
    [
        (jwk(rsa_key(1024), "k2"), "RSA under 2048 bits"),
        (jwk(rsa_key(), "k2", n=b64_number(2**16384 + 1, 2049)), "RSA over 16384 bits"),
        (jwk(rsa_key(), "k2", n=jwk(rsa_key())["n"] + "=="), "with invalid values"),
        ({name: value for name, value in jwk(ec_key(2), "k2").items() if name != "y"}, "with invalid values"),
        (jwk(ec_key(2), "k2", x=jwk(ec_key(3))["x"]), "with invalid values"),
        (jwk(ec_key(2), 7), "with a kid that is not text"),
        (jwk(ec_key(2), ""), "with a kid that is not text"),
        (jwk(ec_key(2), "k2", alg=["ES256"]), "with a alg that is not text"),
        (jwk(ec_key(2), "k2", alg="ES512"), "for another algorithm"),
        (jwk(ec_key(2), "k2", d="AQAB"), "with private members"),
        (jwk(rsa_key(), "k2", use="enc", d="AQAB"), "with private members"),
        ({"kty": "oct", "kid": "k2", "k": "c2VjcmV0"}, "symmetric"),
        ({"kty": "oct", "kid": "k2"}, "symmetric"),
        (None, "not an object"),
        ([], "not an object"),
        ("k2", "not an object"),
        ({}, "for another use, type or curve"),
    ],
)
def test_a_key_that_cannot_be_used_leaves_the_others(unusable, why):
    """RFC 7517 5: what identity providers publish beside the keys that they sign with."""
    for jwks in ([unusable, jwk(ec_key())], [jwk(ec_key()), unusable]):
        keys = KeySet.parse(jwks_bytes(*jwks))

        assert [key.kid for key in keys.keys] == ["k1"]
        assert keys.key("k1", "ES256").public == ec_key().public_key()
        assert keys.key("k2", "ES256") is None
        assert keys.unusable == {why: 1}


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_a_key_with_a_private_member_is_not_used(member):
    private = jwk(rsa_key(), "k2") | {member: "AQAB"}

    assert key_set(jwk(ec_key()), private).key("k2", "RS256") is None
    assert refusal(private) == f"{NO_KEY} (1 with private members)"


@pytest.mark.parametrize("member", ["d", "alg", "use", "key_ops", "x5c", "k"])
def test_a_member_that_is_null_is_none(member):
    keys = key_set(jwk(ec_key(), **{member: None}))

    assert keys.key("k1", "ES256").public == ec_key().public_key()
    assert keys.unusable == {}


def test_a_kid_that_is_null_is_none():
    assert (
        key_set(jwk(ec_key()), jwk(ec_key(2), None) | {"kid": None}).key(None, "ES256").public == ec_key(2).public_key()
    )


def test_a_set_without_any_key_to_use_is_refused_and_says_why():
    said = refusal(jwk(rsa_key(1024)), None, jwk(rsa_key(1024), "k2"))

    assert said == f"{NO_KEY} (2 RSA under 2048 bits, 1 not an object)"
    assert refusal() == NO_KEY


def test_what_is_said_of_keys_has_nothing_of_them():
    said = refusal(jwk(ec_key(), "sesame", d="sesame"), jwk(rsa_key(), n="sesame="), {"kty": "oct", "k": "sesame"})

    assert "sesame" not in said


@pytest.mark.parametrize("bits", [2041, 2047])
def test_an_rsa_key_has_as_many_bits_as_its_modulus_and_not_as_its_octets(bits):
    modulus = b64_number(2**bits - 1, 256)

    assert refusal(jwk(rsa_key(), n=modulus)) == f"{NO_KEY} (1 RSA under 2048 bits)"


def test_an_rsa_key_of_2048_bits_is_taken():
    assert key_set(jwk(rsa_key(), n=b64_number(2**2048 - 1, 256))).key("k1", "RS256").public.key_size == 2048


@pytest.mark.parametrize("coordinate", ["x", "y"])
def test_a_coordinate_behind_a_zero_is_refused(coordinate):
    good = jwk(ec_key())
    longer = b64(b"\0" + base64.urlsafe_b64decode(good[coordinate] + "="))

    assert refusal(good | {coordinate: longer}) == f"{NO_KEY} (1 with invalid values)"


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
    ],
)
def test_values_that_are_no_key_are_not_used(broken):
    assert refusal(broken) == f"{NO_KEY} (1 with invalid values)"
