"""Tokens are asked for once for each tenant and resource, in time, and a vault that refuses one is not believed."""

import ssl
import threading
import time
from dataclasses import replace

import pytest
from azure_fake import HSM, Refused, refused
from entra_fake import OTHER_TENANT, SECRET, TENANT, login_refused

from sealring_azurekv.config import AzureConfig
from sealring_azurekv.credentials import ClientSecret, credential_of
from sealring_azurekv.key import Target
from sealring_azurekv.spec import SPEC
from sealring_azurekv.tokens import Tokens
from sealring_azurekv.wire import Wire
from sealring_plugin import AccessDenied, DeadlineExceeded, ProviderError, Unavailable
from support.waiting import becomes_true

DEK = bytes(32)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def config(settings, tmp_path):
    return AzureConfig.of(SPEC.parse_config(settings, tmp_path))


@pytest.fixture
def tokens(config, certificates, clock, azure):
    tls = ssl.create_default_context(cafile=certificates.ca_file)
    wire = Wire(config.login_egress, tls)
    azure.entra.asked = 0
    yield Tokens(config, wire, credential_of(config), clock)
    wire.close()


@pytest.fixture
def target(config, key):
    return Target.of(key, config.cloud)


@pytest.fixture
def secret_file(tmp_path):
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text(SECRET)
    return file


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


@pytest.mark.parametrize(("age_s", "asked"), [(0, 1), (2879, 1), (2880, 2), (3569, 2), (3570, 2), (7200, 2)])
def test_a_token_is_renewed_at_80_percent_of_its_life(azure, tokens, target, clock, age_s, asked):
    tokens.token_for(target, soon())

    clock.now += age_s
    tokens.token_for(target, soon())

    assert azure.entra.asked == asked


@pytest.mark.parametrize("refusal", [refused(503, "x"), login_refused(429, "x", 1), refused(200, "no token")])
def test_a_token_that_is_good_bridges_an_outage_of_entra_id(azure, tokens, target, clock, refusal):
    first = tokens.token_for(target, soon())
    clock.now += 2900
    with azure.entra.failing(refusal):
        during = [tokens.token_for(target, soon()) for _ in range(3)]
        asked = azure.entra.asked
        clock.now = 1000 + 3570
        with pytest.raises(ProviderError):
            tokens.token_for(target, soon())

    assert during == [first] * 3
    assert asked == 2  # and not again for half a minute


def test_a_refusal_is_not_bridged(azure, tokens, target, clock):
    tokens.token_for(target, soon())
    clock.now += 2900

    with azure.entra.failing(login_refused(400, "unauthorized_client", 700016)), pytest.raises(AccessDenied):
        tokens.token_for(target, soon())


def run_at_once(azure, tokens, target, *, until):
    """Let threads ask while nothing answers, and then what is given to happen."""
    got = []

    def ask():
        try:
            got.append(tokens.token_for(target, soon()))
        except ProviderError as error:
            got.append(type(error))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    with azure.hanging():
        for thread in threads:
            thread.start()
        assert becomes_true(lambda: azure.entra_requests() == 1)
        until()
    for thread in threads:
        thread.join()
    return got


def test_threads_that_need_a_token_ask_once(azure, tokens, target):
    azure.seen.clear()

    got = run_at_once(azure, tokens, target, until=lambda: None)

    assert len(got) == 8
    assert len(set(got)) == 1
    assert azure.entra.asked == 1


def test_threads_that_need_a_token_share_a_refusal(azure, tokens, target, clock):
    azure.seen.clear()
    ticks = iter(range(10_000))
    tokens._clock = lambda: clock.now + next(ticks)  # noqa: SLF001  each look at the clock is later

    with azure.entra.failing(login_refused(400, "unauthorized_client", 700016)):
        got = run_at_once(azure, tokens, target, until=lambda: None)

    assert got == [AccessDenied] * 8
    assert azure.entra.asked == 1


def test_a_thread_that_waits_for_another_keeps_its_deadline(azure, tokens, target):
    azure.seen.clear()
    late = []

    def wait():
        with pytest.raises(DeadlineExceeded):
            tokens.token_for(target, time.monotonic() + 0.2)
        late.append(time.monotonic())

    began = time.monotonic()
    run_at_once(azure, tokens, target, until=wait)

    assert late[0] - began < 2


def test_renewing_holds_up_nobody_else(azure, tokens, target, clock):
    first = tokens.token_for(target, soon())
    clock.now += 2900
    azure.seen.clear()

    got = run_at_once(azure, tokens, target, until=lambda: None)

    assert azure.entra.asked == 2
    assert got.count(first) >= 7


def test_renewing_leaves_half_of_the_time_to_the_vault(azure, tokens, target, clock):
    first = tokens.token_for(target, soon())
    clock.now += 2900
    deadline = time.monotonic() + 3

    with azure.hanging():
        got = tokens.token_for(target, deadline)

    assert got == first
    assert deadline - time.monotonic() > 0.5


def test_no_more_tenants_are_kept_than_256(azure, tokens, target, secret_file):
    tokens._credential = ClientSecret(secret_file)  # noqa: SLF001  reading a certificate takes 60 ms
    azure.entra.tenants |= {f"{number:08x}-0000-0000-0000-000000000000" for number in range(257)}
    for number in range(257):
        tokens.token_for(replace(target, tenant=f"{number:08x}-0000-0000-0000-000000000000"), soon())

    assert len(tokens._slots) == 256  # noqa: SLF001


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


@pytest.mark.parametrize(
    ("said", "renewed_s"),
    [({"expires_in": "3600"}, 2880), ({"expires_in": 3600.0}, 2880), ({"expires_in": 10**9}, 69_120), ({}, 240)],
)
def test_a_life_that_is_a_text_a_fraction_too_long_or_not_said_is_taken(azure, tokens, target, clock, said, renewed_s):
    with azure.entra.failing(Refused(200, {"access_token": "t", **said})):
        assert tokens.token_for(target, soon()) == "t"

    clock.now += renewed_s - 1
    assert tokens.token_for(target, soon()) == "t"
    clock.now += 1
    assert tokens.token_for(target, soon()) != "t"


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


def test_a_token_that_took_the_place_of_a_refused_one_stays(azure, tokens, target):
    held = tokens.token_for(target, soon())

    tokens.forget(target, "an older one")

    assert tokens.token_for(target, soon()) == held
    assert azure.entra.asked == 1


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
