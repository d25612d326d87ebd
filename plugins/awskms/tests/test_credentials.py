"""Whose credentials are used, how they are found, and how long they are kept."""

import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from aws_emulators.emulators import CUSTOMERS, OURS

from sealring_awskms.sdk import Credentials
from sealring_plugin import (
    AccessDenied,
    ConfigInvalid,
    DeadlineExceeded,
    ProviderError,
    Throttled,
    Unavailable,
    WrongRegion,
)
from sealring_plugin.conformance import silent_endpoint
from support.waiting import becomes_true

DEK = bytes(range(32))
SLACK_S = 1.0  # of a machine that others use too
ROLE = f"arn:aws:iam::{CUSTOMERS}:role/sealring"
OTHER_ROLE = f"arn:aws:iam::{CUSTOMERS}:role/other"


@pytest.fixture(autouse=True)
def _machine_without_credentials(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))


@pytest.fixture
def role_key(moto, moto_proxy, at):
    return at(moto_proxy, moto.make_key(), role_arn=ROLE)


@pytest.fixture
def role_provider(make_provider, moto_proxy):
    return make_provider(moto_proxy, sts_endpoint=moto_proxy.url)


def test_credentials_show_no_secret():
    assert repr(Credentials("AKIA", "secret", "token")) == "Credentials(access_key_id='AKIA')"


# --- our own


def test_our_own_credentials_sign_where_there_is_no_role(provider, proxy, key, context, call):
    provider.wrap(key, DEK, context, call())

    assert [(each.operation, each.access_key_id) for each in proxy.seen] == [("Encrypt", OURS)]


def test_the_chain_of_botocore_is_asked_where_the_settings_have_none(
    make_provider, proxy, key, context, call, monkeypatch
):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "777788889999")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    provider = make_provider(proxy, access_key_id=None, secret_access_key_file=None)

    provider.wrap(key, DEK, context, call())

    assert proxy.seen[0].access_key_id == "777788889999"


def test_a_machine_without_credentials_is_told_to_its_operator(make_provider, proxy, key, context, call):
    provider = make_provider(proxy, access_key_id=None, secret_access_key_file=None)

    with pytest.raises(ConfigInvalid, match="give the server a role"):
        provider.wrap(key, DEK, context, call())


def test_a_profile_that_is_missing_is_told_to_the_operator(make_provider, proxy, key, context, call, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    provider = make_provider(proxy, access_key_id=None, secret_access_key_file=None)

    with pytest.raises(ConfigInvalid, match="ProfileNotFound"):
        provider.wrap(key, DEK, context, call())


def test_a_source_of_credentials_that_hangs_costs_no_more_than_the_deadline(
    make_provider, proxy, key, context, call, monkeypatch
):
    with silent_endpoint() as (host, port):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://{host}:{port}/credentials")
        provider = make_provider(proxy, access_key_id=None, secret_access_key_file=None)
        began = time.monotonic()

        with pytest.raises(DeadlineExceeded, match="no credential came in time"):
            provider.wrap(key, DEK, context, call(0.5))

    assert time.monotonic() - began < 0.5 + SLACK_S


def test_the_sts_of_a_web_identity_is_called_past_the_guard_by_nobody(
    make_provider, proxy, key, context, call, monkeypatch, tmp_path
):
    """On EKS our own credentials come from STS: its name leads inside here, so the guard refuses it."""
    (tmp_path / "token").write_text("token")
    for name, value in {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_ARN": f"arn:aws:iam::{OURS}:role/sealring",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL_STS": proxy.url,
    }.items():
        monkeypatch.setenv(name, value)
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", proxy.port))]
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_args, **_options: asked.append(host) or inside)
    provider = make_provider(proxy, access_key_id=None, secret_access_key_file=None)

    with pytest.raises(ConfigInvalid, match="never called"):
        provider.wrap(key, DEK, context, call())

    assert asked == ["sts.eu-west-1.amazonaws.com"]
    assert proxy.seen == []


def test_a_session_token_is_sent_with_our_own(make_provider, moto, moto_proxy, at, context, call, tmp_path):
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("token-of-the-session")
    provider = make_provider(moto_proxy, session_token_file=str(token))

    with moto_proxy.answering("AccessDeniedException"), pytest.raises(AccessDenied):
        provider.wrap(at(moto_proxy, moto.make_key()), DEK, context, call())

    assert moto_proxy.tokens == ["token-of-the-session"]


def test_credentials_that_are_refused_are_read_anew(make_provider, proxy, key, context, call, tmp_path):
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("old")
    provider = make_provider(proxy, session_token_file=str(token))
    provider.wrap(key, DEK, context, call())
    token.write_text("new")

    with proxy.answering("ExpiredTokenException", times=1), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call())
    provider.wrap(key, DEK, context, call())

    assert proxy.tokens == ["old", "old", "new"]


# --- a role of the customer's


def test_a_role_is_assumed_once_and_with_the_external_id(role_provider, moto_proxy, role_key, context, call):
    for _ in range(3):
        wrapped = role_provider.wrap(role_key, DEK, context, call())
    assert role_provider.unwrap(wrapped, role_key, context, call()) == DEK

    (assumed,) = moto_proxy.of("AssumeRole")
    assert assumed.access_key_id == OURS
    assert (assumed.body["RoleArn"], assumed.body["ExternalId"]) == (ROLE, "external-id-of-acme")
    assert {each.access_key_id[:4] for each in moto_proxy.of("Encrypt")} == {"ASIA"}


def test_each_role_and_external_id_has_credentials_of_its_own(role_provider, moto_proxy, moto, at, context, call):
    arn = moto.make_key()
    keys = [
        at(moto_proxy, arn, role_arn=ROLE),
        at(moto_proxy, arn, role_arn=OTHER_ROLE),
        at(moto_proxy, arn, role_arn=ROLE, external_id="external-id-of-another"),
    ]
    for key in keys:
        role_provider.wrap(key, DEK, context, call())

    assert len(moto_proxy.of("AssumeRole")) == 3
    assert len({each.access_key_id for each in moto_proxy.of("Encrypt")}) == 3


def test_many_threads_assume_a_role_once(role_provider, moto_proxy, role_key, context, call):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: role_provider.wrap(role_key, DEK, context, call()), range(16)))

    assert len(moto_proxy.of("AssumeRole")) == 1


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("AccessDenied", AccessDenied),
        ("RegionDisabledException", WrongRegion),
        ("Throttling", Throttled),
        ("ValidationError", AccessDenied),
        ("InvalidClientTokenId", ConfigInvalid),
        ("SignatureDoesNotMatch", ConfigInvalid),
        ("ExpiredToken", Unavailable),
        ("InternalFailure", Unavailable),
    ],
)
def test_what_sts_says_is_told_as_what_it_means(role_provider, moto_proxy, role_key, context, call, code, failure):
    with moto_proxy.answering(code, 403, operations=("AssumeRole",)), pytest.raises(ProviderError) as raised:
        role_provider.wrap(role_key, DEK, context, call())

    assert type(raised.value) is failure
    assert "text-of-aws" not in str(raised.value)
    assert becomes_true(lambda: wraps(role_provider, role_key, context, call()))  # a refusal is remembered for 1 s


def wraps(provider, key, context, call):
    with suppress(ProviderError):
        return provider.wrap(key, DEK, context, call) is not None
    return False


def test_credentials_of_a_role_that_are_refused_are_given_up(role_provider, moto_proxy, role_key, context, call):
    role_provider.wrap(role_key, DEK, context, call())

    with (
        moto_proxy.answering("UnrecognizedClientException", operations=("Encrypt",)),
        pytest.raises(AccessDenied, match="role's credentials"),
    ):
        role_provider.wrap(role_key, DEK, context, call())
    role_provider.wrap(role_key, DEK, context, call())

    assert len(moto_proxy.of("AssumeRole")) == 2


def test_an_sts_that_drips_costs_no_more_than_the_deadline(role_provider, moto_proxy, role_key, context, call):
    with moto_proxy.dripping():
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            role_provider.wrap(role_key, DEK, context, call(0.5))

        assert time.monotonic() - began < 0.5 + SLACK_S


def test_our_own_that_sts_refuses_are_read_anew(make_provider, moto_proxy, moto, at, role_key, context, call, tmp_path):
    token = tmp_path / "token"
    token.touch(0o600)
    token.write_text("old")
    provider = make_provider(moto_proxy, sts_endpoint=moto_proxy.url, session_token_file=str(token))
    provider.wrap(role_key, DEK, context, call())
    token.write_text("new")
    another = at(moto_proxy, role_key.key_id, role_arn=OTHER_ROLE)

    with moto_proxy.answering("ExpiredToken", 403, operations=("AssumeRole",)), pytest.raises(Unavailable):
        provider.wrap(another, DEK, context, call())
    provider.wrap(another, DEK, context, call())

    assert [each.token for each in moto_proxy.of("AssumeRole")] == ["old", "old", "new"]


def test_many_roles_wait_for_our_own_credentials_and_not_for_each_other(
    role_provider, moto_proxy, moto, at, context, call
):
    arn = moto.make_key()
    keys = [at(moto_proxy, arn, role_arn=f"{ROLE}-{number}") for number in range(24)]

    with ThreadPoolExecutor(24) as threads:
        wrapped = list(threads.map(lambda key: role_provider.wrap(key, DEK, context, call(20)), keys))

    assert len(wrapped) == len(moto_proxy.of("AssumeRole")) == 24


def test_credentials_that_have_expired_already_are_not_used(role_provider, moto_proxy, role_key, context, call):
    given = "".join(
        f"<{name}>{value}</{name}>"
        for name, value in {
            "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "SecretAccessKey": "secret",
            "SessionToken": "token",
            "Expiration": "2020-01-01T00:00:00Z",
        }.items()
    )
    given = f"<AssumeRoleResult><Credentials>{given}</Credentials></AssumeRoleResult>"
    answer = f"<AssumeRoleResponse>{given}</AssumeRoleResponse>"

    with (
        moto_proxy.answering_with(200, {"content-type": "text/xml"}, answer.encode()),
        pytest.raises(Unavailable, match="ended already"),
    ):
        role_provider.wrap(role_key, DEK, context, call())


def test_botocore_logs_no_body_even_at_debug(role_provider, role_key, context, call, caplog):
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.DEBUG)

    wrapped = role_provider.wrap(role_key, DEK, context, call())
    role_provider.unwrap(wrapped, role_key, context, call())

    assert [record.name for record in caplog.records if record.name.startswith("botocore")] == []
