"""Tokens are asked for once for each tenant and resource, and a vault that refuses one is not believed."""

import time

import pytest
from azure_fake import HSM, Refused, refused
from entra_fake import OTHER_TENANT, TENANT

from sealring_azurekv.config import AzureConfig
from sealring_azurekv.credentials import credential_of
from sealring_azurekv.key import Target
from sealring_azurekv.spec import SPEC
from sealring_azurekv.tokens import Tokens
from sealring_plugin import AccessDenied, Unavailable
from sealring_plugin.net import HttpsClient, tls_context
from support.waiting import becomes_true

DEK = bytes(32)


@pytest.fixture
def config(settings, tmp_path):
    return AzureConfig.of(SPEC.parse_config(settings, tmp_path))


@pytest.fixture
def tokens(config, azure):
    login = HttpsClient(config.login_egress.connect, tls_context(config.ca_file))
    azure.entra.asked = 0
    yield Tokens(config, login, credential_of(config))
    login.close()


@pytest.fixture
def target(config, key):
    return Target.of(key, config.cloud)


def soon():
    return time.monotonic() + 10


def test_a_token_is_for_its_tenant_and_resource(azure, tokens, config, make_key):
    keys = [make_key(), make_key("second"), make_key("rsa", HSM), make_key(tenant_id=OTHER_TENANT)]
    got = [tokens.token_for(Target.of(key, config.cloud), soon()) for key in keys]

    assert [azure.entra.tokens[each][:2] for each in got] == [
        (TENANT, "https://vault.azure.net"),
        (TENANT, "https://vault.azure.net"),
        (TENANT, "https://managedhsm.azure.net"),
        (OTHER_TENANT, "https://vault.azure.net"),
    ]
    assert azure.entra.asked == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "expires_in": 0},
        {"access_token": "t", "expires_in": True},
        {"access_token": "t", "expires_in": -1},
        {"access_token": "a b", "expires_in": 3600},
        {"access_token": "a\r\nx: y", "expires_in": 3600},
        {"access_token": "", "expires_in": 3600},
        {"access_token": None, "expires_in": 3600},
    ],
)
def test_an_answer_without_a_token_is_none(azure, tokens, target, body):
    with azure.entra.failing(Refused(200, body)), pytest.raises(Unavailable):
        tokens.token_for(target, soon())


def test_a_token_is_used_for_the_life_that_entra_id_says(azure, tokens, target):
    with azure.entra.failing(Refused(200, {"access_token": "t", "expires_in": 0.2})):
        assert tokens.token_for(target, soon()) == "t"

    assert becomes_true(lambda: tokens.token_for(target, soon()) != "t")


# --- what the vault thinks of a token


def test_a_tenant_that_is_not_the_vaults_is_denied(provider, make_key, context, call):
    with pytest.raises(AccessDenied, match="another tenant than tenant_id says"):
        provider.wrap(make_key(tenant_id=OTHER_TENANT), DEK, context, call)


def test_a_token_that_the_vault_refuses_is_asked_for_anew(azure, provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    azure.entra.tokens.clear()

    with pytest.raises(Unavailable, match="does not take our token"):
        provider.unwrap(wrapped, key, context, call)

    assert provider.unwrap(wrapped, key, context, call) == DEK


@pytest.mark.parametrize(
    ("challenge", "failure"),
    [
        (f'Bearer authorization="https://login.microsoftonline.com/{OTHER_TENANT}"', AccessDenied),
        (f'Bearer authorization="https://evil.example/{TENANT}", resource="https://vault.azure.net"', Unavailable),
        (f'Bearer authorization="https://x/{TENANT}", resource="https://graph.microsoft.com"', Unavailable),
        ('Bearer authorization="https://evil.example/"', Unavailable),
        ("Basic", Unavailable),
        ("", Unavailable),
    ],
)
def test_a_challenge_is_compared_and_never_followed(azure, provider, key, context, call, challenge, failure):
    wrapped = provider.wrap(key, DEK, context, call)
    asked = azure.entra.asked
    azure.seen.clear()

    answer = refused(401, "Unauthorized", headers={"www-authenticate": challenge})
    with azure.switched(fails_with=answer), pytest.raises(failure):
        provider.unwrap(wrapped, key, context, call)

    assert azure.operations() == ["POST unwrapkey"]
    assert azure.entra.asked == asked
