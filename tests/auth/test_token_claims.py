"""The claims of a token: what it must say, of which times, for which audience."""

import json

import pytest

from auth.kit import AUDIENCE, NOW, SetClock, claims, payload_with, profile, refusal, sign, verifier
from sealring.auth.key_sources import StaticKeys
from sealring.auth.tokens import TokenVerifier


@pytest.mark.parametrize("name", ["exp", "iat", "sub"])
def test_a_token_without_a_required_claim_is_refused(name):
    assert refusal(sign(claims(**{name: None}))) == name


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "value",
    ['"9999999999"', '"1800000000.0"', "1e308", "1e999", "-1e999", "true", "null", "[]", "{}", "1e16", "1" * 30],
)
def test_a_time_that_is_no_number_of_seconds_is_refused(name, value):
    assert refusal(sign(payload_of(name, value))) == name


def payload_of(name, value):
    """A payload with this claim, as JSON text, in the place of its own."""
    members = claims()
    members.pop(name, None)
    return f"{json.dumps(members)[:-1]},{json.dumps(name)}:{value}}}".encode()


@pytest.mark.parametrize(
    ("name", "value"),
    [("exp", "1800000300.0"), ("exp", "1800000300.75"), ("exp", "18000003e2"), ("iat", "1799999940.25"),
     ("iat", "1799999940.0"), ("nbf", "1799999940.5"), ("nbf", "1.0"), ("nbf", "0"), ("nbf", "-1.5")],
)  # fmt: skip
def test_a_time_may_have_a_fraction(name, value):
    """RFC 7519 2: a NumericDate is any JSON number, and some libraries write floats."""
    assert verifier().verify(sign(payload_of(name, value))).subject == "user_1"


def test_a_fraction_counts():
    clock = SetClock()
    verify = verifier(clock=clock, leeway_s=0, max_lifetime_s=300)
    ends, starts = sign(claims(exp=NOW + 60.5)), sign(claims(iat=NOW, nbf=NOW + 0.5))

    assert refusal(starts, verify) == "nbf"
    assert refusal(sign(claims(iat=NOW + 0.25)), verify) == "iat"
    assert refusal(sign(claims(iat=NOW - 240.5, exp=NOW + 60)), verify) == "lifetime"
    clock.now = NOW + 60.25
    assert verify.verify(ends).expires_at == NOW + 60.5
    clock.now = NOW + 60.5
    assert refusal(ends, verify) == "expired"
    assert verify.verify(starts).subject == "user_1"


def test_a_fraction_of_iat_is_on_the_same_side_of_every_revocation():
    assert verifier().verify(sign(claims(iat=NOW - 60.5))).issued_at == NOW - 61


@pytest.mark.parametrize(
    ("exp", "iat", "reason"),
    [
        (10**15, NOW, "lifetime"),
        (10**30, NOW, "exp"),
        (10**30, 10**30 - 1, "exp"),
        (NOW + 60, 10**15, "iat"),
        (-(10**15), NOW, "expired"),
        (NOW + 60, -(10**15), "lifetime"),
        (NOW + 60, -(10**30), "iat"),
        (NOW + 10 * 366 * 86_400, NOW, "lifetime"),
    ],
)
def test_times_beyond_reason_are_refused(exp, iat, reason):
    assert refusal(sign(claims(exp=exp, iat=iat))) == reason


def test_a_token_ends_when_the_leeway_after_exp_is_over():
    clock = SetClock()
    verify = verifier(clock=clock, leeway_s=10)
    token = sign(claims(exp=NOW + 300))

    clock.now = NOW + 309.9
    assert verify.verify(token).subject == "user_1"
    clock.now = NOW + 310.0
    assert refusal(token, verify) == "expired"


def test_without_leeway_a_token_ends_with_exp():
    clock = SetClock()
    verify = verifier(clock=clock, leeway_s=0)
    token = sign(claims(exp=NOW + 300))

    clock.now = NOW + 299.9
    assert verify.verify(token).subject == "user_1"
    clock.now = NOW + 300.0
    assert refusal(token, verify) == "expired"


def test_a_token_issued_in_the_future_is_refused_beyond_the_leeway():
    assert verifier().verify(sign(claims(iat=NOW + 10))).subject == "user_1"
    assert refusal(sign(claims(iat=NOW + 11))) == "iat"


def test_a_token_is_refused_before_nbf_beyond_the_leeway():
    assert verifier().verify(sign(claims(nbf=NOW + 10))).subject == "user_1"
    assert refusal(sign(claims(nbf=NOW + 11))) == "nbf"


def test_a_lifetime_up_to_the_maximum_is_taken():
    verify = verifier(max_lifetime_s=3_600)

    assert verify.verify(sign(claims(iat=NOW, exp=NOW + 3_600))).subject == "user_1"
    assert refusal(sign(claims(iat=NOW, exp=NOW + 3_601)), verify) == "lifetime"


def test_a_lifetime_of_nothing_is_refused():
    assert refusal(sign(claims(iat=NOW + 5, exp=NOW + 5))) == "lifetime"
    assert refusal(sign(claims(iat=NOW + 5, exp=NOW + 4))) == "lifetime"


@pytest.mark.parametrize(
    "audience",
    ["other", AUDIENCE + "/", "", ["other"], [], [[AUDIENCE]], {AUDIENCE: 1}, True, 1, [AUDIENCE, 1], [AUDIENCE, None]],
)
def test_another_audience_is_refused(audience):
    assert refusal(sign(claims(aud=audience))) == "audience"


def test_a_token_without_audience_is_refused():
    assert refusal(sign(claims(aud=None))) == "audience"


def test_an_audience_among_several_is_taken():
    assert verifier().verify(sign(claims(aud=["other", AUDIENCE]))).subject == "user_1"


def test_a_profile_without_audience_takes_tokens_without_one():
    assert verifier(audience="none").verify(sign(claims(aud=None))).subject == "user_1"


@pytest.mark.parametrize("audience", ['"other"', '"none"', "null", '""', "[]", "[null]"])
def test_a_profile_without_audience_refuses_tokens_for_somebody(audience):
    payload = json.dumps(claims(aud=None))[:-1].encode() + f',"aud":{audience}}}'.encode()

    assert refusal(sign(payload), verifier(audience="none")) == "audience"


@pytest.mark.parametrize("confirmation", ['{"jkt":"x"}', '{"x5t#S256":"x"}', "{}", "null"])
def test_a_token_that_is_bound_to_its_sender_is_refused(confirmation):
    assert refusal(sign(payload_with(f'"cnf":{confirmation}'))) == "cnf"


@pytest.mark.parametrize("subject", ["", "a\nb", "a\0b", "\x7f", "\x85", "s" * 256, 1, True, ["user_1"], {}])
def test_a_subject_that_is_no_short_plain_text_is_refused(subject):
    assert refusal(sign(claims(sub=subject))) == "sub"


@pytest.mark.parametrize("subject", ["s" * 255, "Zoë Ω 😀", "auth0|1", " "])
def test_any_other_subject_is_taken(subject):
    assert verifier().verify(sign(claims(sub=subject))).subject == subject


@pytest.mark.parametrize("token_id", ["", "a\nb", "\x7f", "i" * 256, 1, True, None, ["t1"], {}])
def test_an_id_by_which_nobody_could_revoke_the_token_is_refused(token_id):
    payload = json.dumps(claims() | {"jti": token_id}).encode()

    assert refusal(sign(payload)) == "jti"


@pytest.mark.parametrize("token_id", ["i" * 255, "onrtac:8a-Z", "7c1d0f0e-3c0c-4d5c-9f0f-1f3f7f1f0c1d"])
def test_any_other_id_is_taken(token_id):
    assert verifier().verify(sign(claims(jti=token_id))).token_id == token_id


def test_the_system_clock_is_the_default():
    one = profile()
    verify = TokenVerifier([one], {one.issuer: StaticKeys(one.jwks)})

    assert refusal(sign(claims(iat=0, exp=60)), verify) == "expired"
