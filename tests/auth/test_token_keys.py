"""The key that verifies a token is one of its issuer, of its kid and for its algorithm."""

import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from auth.kit import ISSUER, b64, claims, ec_key, jwk, profile, refusal, rsa_key, sign, verifier, verifier_of
from sealring.errors import SettingsInvalid


@pytest.mark.parametrize(
    "issuer",
    [
        "https://auth.example.com/",
        "https://auth.example",
        "HTTPS://auth.example.com",
        "",
        1,
        True,
        [ISSUER],
        {},
    ],
)
def test_an_issuer_that_is_not_exactly_that_of_a_profile_is_refused(issuer):
    assert refusal(sign(claims(iss=issuer))) == "iss"


def test_a_token_without_issuer_is_refused():
    assert refusal(sign(claims(iss=None))) == "iss"


def test_a_key_of_another_issuer_does_not_verify():
    mine = profile(jwks=[jwk(ec_key())])
    theirs = profile(issuer="https://other.example.com", jwks=[jwk(ec_key(2), "k2")])

    reason = refusal(sign(key=ec_key(2), kid="k2"), verifier_of(mine, theirs))

    assert reason == "kid"


def test_two_profiles_of_one_issuer_are_refused():
    with pytest.raises(SettingsInvalid):
        verifier_of(profile(), profile())


def test_an_unknown_kid_is_refused():
    assert refusal(sign(kid="k2")) == "kid"


@pytest.mark.parametrize("kid", [1, True, ["k1"], {}])
def test_a_kid_that_is_no_text_is_refused(kid):
    assert refusal(sign(kid=kid)) == "kid"


def test_a_token_without_kid_is_taken_where_the_set_has_one_key():
    assert verifier().verify(sign(kid=None)).subject == "user_1"


def test_a_token_without_kid_is_refused_where_the_set_has_several_keys():
    assert refusal(sign(kid=None), verifier(jwk(ec_key()), jwk(ec_key(2), "k2"))) == "kid"


def test_a_key_of_the_wrong_type_is_refused():
    verify = verifier(jwk(rsa_key()), jwk(ec_key(), "k2"), algorithms=["RS256", "ES256"])

    assert refusal(sign(kid="k1"), verify) == "kid"
    assert refusal(sign(key=rsa_key(), alg="RS256", kid="k2"), verify) == "kid"


def test_a_key_that_is_for_another_algorithm_is_refused():
    verify = verifier(jwk(rsa_key(), alg="RS256"), algorithms=["RS256", "PS256"])

    assert refusal(sign(key=rsa_key(), alg="PS256"), verify) == "kid"


def test_keys_of_two_types_that_share_a_kid_both_verify():
    verify = verifier(jwk(rsa_key()), jwk(ec_key()), algorithms=["RS256", "ES256"])

    assert verify.verify(sign()).subject == "user_1"
    assert verify.verify(sign(key=rsa_key(), alg="RS256")).subject == "user_1"


def test_a_key_that_has_no_kid_verifies_tokens_that_name_none():
    verify = verifier(jwk(ec_key()), jwk(ec_key(2), None))

    assert verify.verify(sign(key=ec_key(2), kid=None)).subject == "user_1"
    assert verify.verify(sign()).subject == "user_1"
    assert refusal(sign(key=ec_key(2), kid="unknown"), verify) == "kid"
    assert refusal(sign(kid=None), verify) == "signature"


def test_a_signature_by_another_key_is_refused():
    assert refusal(sign(key=ec_key(2))) == "signature"


def test_a_changed_payload_is_refused():
    header, _, signature = sign().split(".")
    changed = b64(json.dumps(claims(org_id="org_2")).encode())

    assert refusal(f"{header}.{changed}.{signature}") == "signature"


def test_a_signature_in_der_is_refused():
    signed = sign().rpartition(".")[0]
    der = ec_key().sign(signed.encode(), ec.ECDSA(hashes.SHA256()))

    assert refusal(f"{signed}.{b64(der)}") == "signature"


def test_a_signature_of_zeros_is_refused():
    signed = sign().rpartition(".")[0]

    assert refusal(f"{signed}.{b64(bytes(64))}") == "signature"
