"""A good token becomes claims; one of another form, or altered in any way, is refused."""

import base64
import json
from traceback import format_exception

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.kit import (
    AUDIENCE,
    ISSUER,
    NOW,
    b64,
    claims,
    ec_key,
    ed_key,
    jwk,
    payload_with,
    refusal,
    rsa_key,
    sign,
    verifier,
)
from sealring.errors import Unauthenticated

# --- what is taken


def test_a_good_token_becomes_claims():
    verified = verifier().verify(sign(claims(org_id="org_1")))

    assert verified.subject == "user_1"
    assert (verified.issued_at, verified.expires_at) == (NOW - 60, NOW + 300)
    assert verified.token_id == ""
    assert verified.members["org_id"] == "org_1"
    assert verified.profile.issuer == "https://auth.example.com"


@pytest.mark.parametrize(
    ("alg", "key"), [("RS256", rsa_key()), ("PS256", rsa_key()), ("ES256", ec_key()), ("EdDSA", ed_key())]
)
def test_every_algorithm_of_a_profile_verifies(alg, key):
    verify = verifier(jwk(key), algorithms=[alg])

    assert verify.verify(sign(key=key, alg=alg)).subject == "user_1"


def test_the_members_of_claims_do_not_show_in_their_repr():
    verified = verifier().verify(sign(claims(email="a@example.com")))

    assert "a@example.com" not in repr(verified)


# --- the form


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b",
        "..",
        "a..b",
        ".b.c",
        "a.b.",
        "a.b.c.d",
        "a.b.c.d.e",
        "a b.c.d",
        "a.b.c\n",
        "é.b.c",
        "\ud800.b.c",
        "sk_live_0123456789",
        "a=.b.c",
    ],
)
def test_what_is_not_three_parts_of_base64url_is_refused(token):
    assert refusal(token) == "form"


def test_a_refusal_does_not_show_the_token():
    header, _, signature = sign().split(".")

    for token in (f"{header}.{b64(b'sesame')}.{signature}", "sesame", sign(claims(iss="sesame"))):
        with pytest.raises(Unauthenticated) as caught:
            verifier().verify(token)
        assert "sesame" not in "".join(format_exception(caught.value))
        assert "sesame" not in caught.value.reason


def test_padding_is_refused():
    assert refusal(sign() + "==") == "form"


def test_a_part_of_impossible_length_is_refused():
    header, _, signature = sign().split(".")

    assert refusal(f"{header}.abcde.{signature}") == "payload"


def test_another_spelling_of_the_same_signature_is_refused():
    token = sign()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]

    assert base64.urlsafe_b64decode(spare.split(".")[2] + "==") == base64.urlsafe_b64decode(token.split(".")[2] + "==")
    assert refusal(spare) == "signature"


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        json.dumps({"alg": "ES256"}).encode("utf-16"),
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        rb'{"a":"\ud800"}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b'{"a":' + b"9" * 5_000 + b"}",
    ],
)
def test_a_part_that_is_no_strict_json_object_is_refused(raw):
    good_header, good_payload, signature = sign().split(".")
    part = b64(raw) or "A"

    assert refusal(f"{part}.{good_payload}.{signature}") == "header"
    assert refusal(f"{good_header}.{part}.{signature}") == "payload"


def test_a_duplicate_claim_is_refused_though_it_is_signed():
    assert refusal(sign(payload_with('"org_id":"org_1","org_id":"org_2"'))) == "payload"


def test_a_duplicate_header_member_is_refused_though_it_is_signed():
    assert refusal(sign(header=b'{"alg":"none","alg":"ES256","typ":"JWT","kid":"k1"}')) == "header"


# --- anything else


numbers = st.integers() | st.floats() | st.sampled_from([NOW, NOW + 300, 10**400])
texts = st.text(st.characters()) | st.sampled_from([ISSUER, AUDIENCE, "k1", "ES256", "JWT", "user_1", "\ud800"])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["iss", "aud", "sub", "exp", "iat", "nbf", "cnf", "name", "org_id", "alg", "typ", "kid", "crit"]
)


def verified_or_refused(token):
    try:
        assert verifier().verify(token).subject
    except Unauthenticated as refused:
        assert len(refused.reason) <= 12  # noqa: PT017  either outcome is right


@given(st.text(st.characters()) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*"))
def test_any_text_is_verified_or_refused(text):
    verified_or_refused(text)


@given(st.dictionaries(names, values), st.dictionaries(names, values))
def test_any_signed_members_are_verified_or_refused(header, members):
    verified_or_refused(sign(claims() | members, header={"alg": "ES256", "typ": "JWT", "kid": "k1"} | header))


@given(st.binary(), st.binary())
def test_any_signed_bytes_are_verified_or_refused(header, payload):
    verified_or_refused(sign(payload, header=header))
