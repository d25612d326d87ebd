"""A revoked token is refused on every request, whatever is cached."""

from dataclasses import replace

import fakeredis
import pytest

from auth.kit import ENVIRONMENT, ISSUER, NOW, SetClock, claims, profile, sign, verifier_of
from auth.revocation_kit import Ages, Lists
from sealring.auth.revoked import RevokedTokens
from sealring.auth.scoping import Authenticator, operator
from sealring.errors import IntegrityFailure, Unauthenticated
from sealring.store.connection.links import Links
from sealring.store.connection.topology import OneNode
from support.revocations import begun, everything, in_memory, key_of, on_links, revoke, subject, token

OTHER_ISSUER = "https://other.example.com"
OTHER_ENVIRONMENT = "environment_01H2X3Y4Z5A6B7C8D9E0F1G2H4"


@pytest.fixture
def ages():
    return Ages()


@pytest.fixture
def store():
    return begun(in_memory(), ENVIRONMENT, OTHER_ENVIRONMENT)


@pytest.fixture
def authenticator(store, ages):
    """For two issuers of one environment, and one of another."""
    profiles = profile(), profile(issuer=OTHER_ISSUER), profile(issuer="urn:there", environment_id=OTHER_ENVIRONMENT)
    return Authenticator(verifier_of(*profiles), RevokedTokens(store, ages), SetClock())


def header(**changes):
    return ["Bearer " + sign(claims(**({"jti": "t1"} | changes)))]


def refusal(authenticator, values):
    with pytest.raises(Unauthenticated) as caught:
        authenticator.authenticate(values)
    return caught.value.reason


def revoke_now(store, target, before_s=None):
    return revoke(store, target, before_s, environment=ENVIRONMENT, clock=SetClock())


# --- which tokens


def test_a_principal_knows_its_token(authenticator):
    made = authenticator.authenticate(header(iat=NOW - 7))

    assert (made.token_id, made.issued_at) == ("t1", NOW - 7)


def test_who_works_on_the_command_line_has_no_token():
    assert (operator(ENVIRONMENT).token_id, operator(ENVIRONMENT).issued_at) == ("", 0)


def test_a_token_is_refused_by_its_id(store, authenticator):
    revoke_now(store, token("t1", ISSUER))

    assert refusal(authenticator, header()) == "revoked"
    assert authenticator.authenticate(header(jti="t2")).subject == "user_1"
    assert authenticator.authenticate(header(jti="T1")).subject == "user_1"
    assert authenticator.authenticate(header(jti=None)).subject == "user_1"


def test_the_tokens_of_a_subject_are_refused(store, authenticator):
    revoke_now(store, subject("user_1", ISSUER))

    assert refusal(authenticator, header()) == "revoked"
    assert refusal(authenticator, header(jti=None)) == "revoked"
    assert authenticator.authenticate(header(sub="user_2")).subject == "user_2"


@pytest.mark.parametrize("target", [subject("user_1", ISSUER), everything(ISSUER)])
def test_a_token_that_is_minted_later_works(store, authenticator, target):
    revoke_now(store, target, NOW - 100)

    assert refusal(authenticator, header(iat=NOW - 101)) == "revoked"
    assert authenticator.authenticate(header(iat=NOW - 100)).issued_at == NOW - 100


def test_no_token_that_is_there_outlives_a_revocation_of_now(store, authenticator):
    """Not even one of an issuer whose clock is ahead by all of its leeway."""
    revoke_now(store, everything(ISSUER))

    assert refusal(authenticator, header(iat=NOW + 10)) == "revoked"


def test_all_subjects_of_an_issuer_are_refused(store, authenticator):
    revoke_now(store, everything(ISSUER), NOW)

    assert refusal(authenticator, header(sub="user_2")) == "revoked"


@pytest.mark.parametrize("target", [token("t1", ISSUER), subject("user_1", ISSUER), everything(ISSUER)])
def test_the_same_of_another_issuer_is_let_be(store, authenticator, target):
    revoke_now(store, target)

    assert authenticator.authenticate(header(iss=OTHER_ISSUER)).issuer == OTHER_ISSUER


@pytest.mark.parametrize("target", [token("t1", ISSUER), subject("user_1", ISSUER), everything(ISSUER)])
def test_another_environment_is_let_be(store, authenticator, target):
    """Its profile cannot have the same issuer; the revocation is written for that issuer all the same."""
    revoke_now(store, replace(target, issuer="urn:there"))

    assert authenticator.authenticate(header(iss="urn:there")).environment == OTHER_ENVIRONMENT


def test_the_subject_of_a_revocation_is_no_id_of_a_token(store, authenticator):
    revoke_now(store, subject("t1", ISSUER))
    revoke_now(store, token("user_1", ISSUER))

    assert authenticator.authenticate(header()).token_id == "t1"


def test_a_token_that_is_cached_is_refused_too(store, authenticator, ages):
    values = header()
    authenticator.authenticate(values)
    revoke_now(store, token("t1", ISSUER))

    ages.now = 2.0

    assert refusal(authenticator, values) == "revoked"


def test_what_does_not_verify_costs_no_look_at_the_store(ages):
    lists = Lists(ages)
    authenticator = Authenticator(verifier_of(profile()), RevokedTokens(lists, ages), SetClock())

    assert refusal(authenticator, header(iss="urn:nobody")) == "iss"

    assert lists.readings == 0


# --- a list that cannot be read


def test_one_environment_whose_list_is_gone_does_not_close_another(ages):
    server = fakeredis.FakeServer(server_type="valkey")
    links = Links(OneNode(lambda: fakeredis.FakeRedisConnection(server=server, protocol=2)))
    store = begun(on_links(links), ENVIRONMENT, OTHER_ENVIRONMENT)
    profiles = profile(), profile(issuer="urn:there", environment_id=OTHER_ENVIRONMENT)
    authenticator = Authenticator(verifier_of(*profiles), RevokedTokens(store, ages), SetClock())

    links.call((b"DEL", key_of(ENVIRONMENT)))

    with pytest.raises(IntegrityFailure):
        authenticator.authenticate(header())
    assert authenticator.authenticate(header(iss="urn:there")).subject == "user_1"
