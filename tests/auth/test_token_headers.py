"""The header of a token: its algorithm, its type, and nothing that chooses keys or meaning."""

import json

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth.kit import b64, claims, ec_key, jwk, refusal, rsa_key, sign, verifier


@pytest.mark.parametrize("member", ["crit", "jku", "x5u", "jwk", "x5c", "b64", "zip"])
@pytest.mark.parametrize("value", [None, "https://evil.example.com", ["exp"], True])
def test_a_header_member_that_chooses_keys_or_meaning_is_refused(member, value):
    header = {"alg": "ES256", "typ": "JWT", "kid": "k1", member: value}

    assert refusal(sign(header=header)) == member


def test_an_embedded_key_is_not_used():
    token = sign(key=ec_key(2), jwk=jwk(ec_key(2)))

    assert refusal(token) == "jwk"


@pytest.mark.parametrize("alg", ["none", "NoNe", "NONE", "", None, "HS256", "ES384", "es256", 1, ["ES256"], {}])
def test_an_algorithm_that_the_profile_does_not_list_is_refused(alg):
    header = {"alg": alg, "typ": "JWT", "kid": "k1"}

    assert refusal(sign(header=header)) == "alg"


def test_a_header_without_alg_is_refused():
    assert refusal(sign(header={"typ": "JWT", "kid": "k1"})) == "alg"


def test_an_unsigned_token_is_refused():
    header, payload = b64(b'{"alg":"none","typ":"JWT"}'), b64(json.dumps(claims()).encode())

    assert refusal(f"{header}.{payload}.") == "form"
    assert refusal(f"{header}.{payload}.AA") == "alg"


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_an_hmac_with_the_public_key_is_refused(form, encoding):
    public = rsa_key().public_key().public_bytes(encoding, form)
    signed = ".".join(
        b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT", "kid": "k1"}, claims())
    )
    mac = hmac.HMAC(public, hashes.SHA256())
    mac.update(signed.encode())

    assert refusal(f"{signed}.{b64(mac.finalize())}", verifier(jwk(rsa_key()), algorithms=["RS256"])) == "alg"


def test_an_algorithm_of_another_profile_is_refused():
    assert refusal(sign(), verifier(jwk(ec_key()), jwk(rsa_key(), "k2"), algorithms=["RS256"])) == "alg"


@pytest.mark.parametrize(
    "typ",
    ["JWS", "id+jwt", "", 1, ["JWT"], "application/", "application/application/jwt", "application/jwt/x", "text/jwt",
     "jwt ", "jwt;v=1"],
)  # fmt: skip
def test_a_type_that_the_profile_does_not_list_is_refused(typ):
    assert refusal(sign(typ=typ)) == "typ"
    assert refusal(sign(typ=typ), verifier(types=["JWT", "at+jwt", "dpop+jwt"])) == "typ"


@pytest.mark.parametrize("typ", ["jwt", "Jwt", "AT+JWT", "application/at+jwt", "application/JWT", "APPLICATION/AT+JWT"])
def test_any_spelling_of_a_media_type_is_taken(typ):
    """RFC 7515 4.1.9: case does not count, and "application/" may be left out."""
    assert verifier().verify(sign(typ=typ)).subject == "user_1"


def test_any_spelling_of_a_type_may_stand_in_the_settings():
    assert verifier(types=["application/AT+jwt"]).verify(sign(typ="at+jwt")).subject == "user_1"


def test_a_token_without_type_is_refused_unless_the_profile_lists_it():
    token = sign(typ=None)

    assert refusal(token) == "typ"
    assert verifier(types=["JWT", ""]).verify(token).subject == "user_1"


def test_a_prefix_of_nothing_is_no_missing_type():
    assert refusal(sign(typ="application/"), verifier(types=["JWT", ""])) == "typ"


def test_the_types_of_access_tokens_are_taken():
    assert verifier().verify(sign(typ="at+jwt")).subject == "user_1"
