"""A call is looked at in an order that costs little for who may not make it."""

import pytest

from connect.kit import ENCRYPT, USE, Vault, token
from sealring.domain.limits import Limits
from support.make import limiter


@pytest.fixture(scope="module")
def vault():
    return Vault()


METHODS = ["Encrypt", "Decrypt", "EncryptBulk", "DecryptBulk", "ReEncrypt"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer ", "Basic dTpw", "bearer", ""])
def test_a_body_is_read_for_nobody_without_a_good_token(vault, method, authorization):
    asked = vault.asked(method, b"{ no JSON", {"authorization": authorization})

    answer = vault.answer(asked)

    assert (answer.refusal, asked.reads) == ((401, "unauthenticated"), 0)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("method", METHODS)
def test_a_token_without_the_permission_is_denied_before_its_body_is_read(vault, method):
    asked = vault.asked(method, b"{ no JSON", bearer=token(permissions=["vault:objects:read"]))

    assert (vault.answer(asked).refusal, asked.reads) == ((403, "permission_denied"), 0)


SUBJECT = ("https://auth.example.com", "user_1")


def test_a_body_counts_for_its_organization_or_else_for_its_subject(vault):
    everywhere, nowhere = token(None, [*USE, "vault:all_organizations"]), token(None, keyrings=["shared"])
    asked = [vault.asked("Encrypt", b"", bearer=bearer) for bearer in (None, everywhere, nowhere)]
    for each in asked:
        vault.answer(each)

    assert [each.owner[1:] for each in asked] == [("org_acme",), SUBJECT, SUBJECT]


def test_liveness_needs_no_token_and_takes_little(vault):
    nobody = {"authorization": None}

    assert vault.raw("Liveness", b"{}", nobody).json == {"status": "ok"}
    assert vault.raw("Liveness", b'{"x": "' + 70_000 * b"x" + b'"}', nobody).refusal == (429, "resource_exhausted")


def test_a_rate_is_counted_before_the_body_is_read():
    vault = Vault(limits=limiter(limits_of=lambda _environment, _org: Limits(requests_per_second=1)))
    for _ in range(2):
        assert vault.json("Encrypt", ENCRYPT).status == 200

    asked = vault.asked("Encrypt", b"{ no JSON")

    assert (vault.answer(asked).refusal, asked.reads) == ((429, "resource_exhausted"), 0)


def test_what_has_no_turn_is_not_parsed():
    vault = Vault(limits=limiter(places=0, share=0))

    assert vault.raw("Encrypt", b"{ no JSON").refusal == (503, "unavailable")


@pytest.mark.parametrize("ring", ["org_beta", "org_beta/x", "org_acmes", "org_acmes/x", "other", "", "/org_acme"])
def test_a_keyring_that_the_token_is_not_for_is_denied(vault, ring):
    assert vault.json("Encrypt", {"keyring": ring, "data": "x"}).refusal == (403, "permission_denied")
