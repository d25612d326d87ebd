"""The client of AWS is the guarded one, with the operator's authorities, one deadline and one attempt."""

import socket
import ssl
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from aws_emulators.fault_proxy import FaultProxy

from sealring_plugin import ConfigInvalid, DeadlineExceeded, ProviderError, Unavailable
from support.tls import PrivateCa

DEK = bytes(range(32))
SLACK_S = 1.0  # of a machine that others use too; without a deadline, each of these would take minutes
ARN = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def raised_by(use):
    with pytest.raises(ProviderError) as raised:
        use()
    return raised.value


# --- one deadline, one attempt


def test_a_server_that_drips_costs_no_more_than_the_deadline(provider, proxy, key, context, call):
    with proxy.dripping():
        began = time.monotonic()
        error = raised_by(lambda: provider.wrap(key, DEK, context, call(0.7)))

    assert type(error) is DeadlineExceeded
    assert 0.6 < time.monotonic() - began < 0.7 + SLACK_S


@pytest.mark.parametrize(("seconds", "failure", "least_s"), [(30, Unavailable, 0.9), (0.3, DeadlineExceeded, 0.2)])
def test_a_server_that_takes_no_connection_is_given_one_second(
    make_provider, at, context, call, seconds, failure, least_s
):
    with full_backlog() as busy:
        provider = make_provider(busy)
        began = time.monotonic()

        error = raised_by(lambda: provider.wrap(at(busy, ARN), DEK, context, call(seconds)))

    assert type(error) is failure
    assert least_s < time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "it was cut off"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "it does not say its length"),
        (b"HTTP/1.1 500 x\r\ncontent-length: 2\r\n\r\n{}", "AWS cannot answer now"),
        (b"HTTP/1.1 307 x\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", "AWS cannot answer now"),
    ],
)
def test_a_request_is_sent_once_whatever_is_answered(provider, proxy, key, context, call, answer, says):
    with proxy.cutting(answer):
        error = raised_by(lambda: provider.wrap(key, DEK, context, call()))

    assert type(error) is Unavailable
    assert says in str(error)
    assert len(proxy.seen) == 1


def test_connections_are_kept_and_used_again(provider, proxy, key, context, call):
    for _ in range(5):
        provider.wrap(key, DEK, context, call())

    assert proxy.connections == 1


# --- who is called


def test_an_endpoint_that_the_operator_does_not_allow_is_never_called(make_provider, proxy, key, context, call):
    provider = make_provider()

    assert type(raised_by(lambda: provider.wrap(key, DEK, context, call()))) is ConfigInvalid
    assert proxy.seen == []


def test_a_name_of_aws_that_leads_inside_is_never_called(make_provider, proxy, key, context, call, monkeypatch):
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", proxy.port))]
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_args, **_options: asked.append(host) or inside)
    provider = make_provider(proxy)

    error = raised_by(lambda: provider.wrap(replace(key, options=(("grant", "direct"),)), DEK, context, call()))

    assert type(error) is ConfigInvalid
    assert asked == ["kms.eu-west-1.amazonaws.com"]
    assert proxy.seen == []


def test_no_proxy_and_no_endpoint_of_the_environment_is_asked(
    make_provider, proxy, key, context, call, localstack, monkeypatch, tmp_path
):
    other = FaultProxy(localstack.port)
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_KMS",
        "AWS_ENDPOINT_URL_STS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.setenv(name, other.url)
        monkeypatch.setenv(name.lower(), other.url)
    for name in ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("AWS_AUTH_SCHEME_PREFERENCE", "sigv4a,sigv4")
    (tmp_path / "aws-config").write_text(f"[default]\nregion = us-east-1\nendpoint_url = {other.url}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")

    make_provider(proxy).wrap(key, DEK, context, call())

    assert len(proxy.seen) == 1
    assert other.seen == []
    other.close()


def test_a_private_authority_is_trusted_only_if_the_settings_name_it(
    make_provider, localstack, at, context, call, tmp_path
):
    ca = PrivateCa(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*ca.issue("kms"))
    proxy = FaultProxy(localstack.port, tls)
    key = at(proxy, localstack.make_key())

    error = raised_by(lambda: make_provider(proxy).wrap(key, DEK, context, call()))
    make_provider(proxy, ca_file=str(ca.file)).wrap(key, DEK, context, call())

    assert "SSLCertVerificationError" in str(error)
    assert [each.operation for each in proxy.seen] == ["Encrypt"]
    proxy.close()


class Busy:
    """Where a server takes no connection, as `make_provider` and `at` ask for it."""

    def __init__(self, port):
        self.place = f"127.0.0.1:{port}"
        self.url = f"http://{self.place}"


@contextmanager
def full_backlog():
    """A listener whose queue is full: the kernel answers no further connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
            waiting.append(each)
        yield Busy(listener.getsockname()[1])
        for each in waiting:
            each.close()
