"""Connections: by whom they are let through, how long they may take, and whom they trust."""

import datetime as dt
import socket
import ssl
import time
from contextlib import contextmanager
from dataclasses import replace
from http.client import NotConnected

import pytest
from aws_emulators.fault_proxy import FaultProxy
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sealring_awskms.transport import Connection, Exchange
from sealring_plugin import AccessDenied, ConfigInvalid, DeadlineExceeded, ProviderError, Unavailable

DEK = bytes(range(32))
SLACK_S = 1.0  # of a machine that others use too; without a deadline, each of these would take minutes


def raised_by(use):
    with pytest.raises(ProviderError) as raised:
        use()
    return raised.value


# --- the deadline is for the whole call


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nx-slow: ",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_a_server_that_drips_costs_no_more_than_the_deadline(provider, proxy, key, context, call, beginning):
    wrapped = provider.wrap(key, DEK, context, call())

    with proxy.dripping(beginning):
        for use in (
            lambda: provider.wrap(key, DEK, context, call(0.7)),
            lambda: provider.unwrap(wrapped, key, context, call(0.7)),
        ):
            began = time.monotonic()
            error = raised_by(use)
            took_s = time.monotonic() - began

            assert type(error) is DeadlineExceeded
            assert 0.6 < took_s < 0.7 + SLACK_S

    assert provider.unwrap(wrapped, key, context, call()) == DEK


def test_a_server_that_never_ends_its_handshake_costs_no_more_than_the_deadline(make_provider, at, context, call):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"localhost:{silent.getsockname()[1]}"
        provider = make_provider(allowed_hosts=place)
        key = at(proxy_at(f"https://{place}"), ARN)
        began = time.monotonic()

        error = raised_by(lambda: provider.wrap(key, DEK, context, call(0.5)))

    assert type(error) is DeadlineExceeded
    assert time.monotonic() - began < 0.5 + SLACK_S


def test_a_deadline_that_has_passed_calls_nobody(provider, proxy, key, context, call):
    assert type(raised_by(lambda: provider.wrap(key, DEK, context, call(-1)))) is DeadlineExceeded
    assert proxy.seen == []


def test_a_server_that_takes_no_connection_is_given_one_second(make_provider, at, context, call):
    with full_backlog() as port:
        place = f"127.0.0.1:{port}"
        provider = make_provider(allowed_hosts=place)
        began = time.monotonic()

        error = raised_by(lambda: provider.wrap(at(proxy_at(f"http://{place}"), ARN), DEK, context, call(30)))

    assert type(error) is Unavailable
    assert 0.9 < time.monotonic() - began < 10


# --- broken connections


@pytest.mark.parametrize(
    "before", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}", b"\x00\xff\r\n\r\n"]
)
def test_a_connection_that_is_cut_is_unavailable(provider, proxy, key, context, call, before):
    with proxy.cutting(before):
        error = raised_by(lambda: provider.wrap(key, DEK, context, call()))

    assert type(error) is Unavailable
    assert "AWS failed" in str(error)


def test_a_port_where_nobody_listens_is_unavailable(make_provider, at, context, call):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        place = f"127.0.0.1:{probe.getsockname()[1]}"
    provider = make_provider(allowed_hosts=place)

    assert (
        type(raised_by(lambda: provider.wrap(at(proxy_at(f"http://{place}"), ARN), DEK, context, call())))
        is Unavailable
    )


def test_connections_are_kept_and_used_again(provider, proxy, key, context, call):
    for _ in range(5):
        provider.wrap(key, DEK, context, call())

    assert proxy.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(
    provider, localstack, key, context, call, at, make_provider
):
    proxy = FaultProxy(localstack.port)
    kept = at(proxy, key.key_id)
    provider = make_provider(proxy)
    wrapped = provider.wrap(kept, DEK, context, call())
    proxy.hang_up()

    assert provider.unwrap(wrapped, kept, context, call()) == DEK
    proxy.close()


# --- who is called


def test_a_redirect_is_not_followed(provider, proxy, key, context, call, localstack):
    elsewhere = FaultProxy(localstack.port)
    with proxy.answering_with(307, {"location": f"{elsewhere.url}/"}, b""):
        error = raised_by(lambda: provider.wrap(key, DEK, context, call()))

    assert type(error) is Unavailable
    assert elsewhere.seen == []
    elsewhere.close()


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


def test_a_connection_that_was_closed_is_not_opened_past_the_guard(proxy, call):
    connection = Connection("127.0.0.1", proxy.port, socket.create_connection(("127.0.0.1", proxy.port)))
    connection.close()

    with pytest.raises(NotConnected):
        connection.exchange(Exchange("POST", proxy.url, {}, b"", call().deadline), "/", proxy.place)

    assert proxy.seen == []


# --- TLS


def test_a_private_authority_is_trusted_where_the_settings_name_it(make_provider, localstack, at, context, call, tls):
    proxy = FaultProxy(localstack.port, tls.server("localhost"))
    provider = make_provider(proxy, ca_file=str(tls.ca_file))

    provider.wrap(at(proxy, localstack.make_key()), DEK, context, call())

    assert [each.operation for each in proxy.seen] == ["Encrypt"]
    proxy.close()


def test_an_authority_that_nobody_named_is_not_trusted(make_provider, localstack, at, context, call, tls):
    proxy = FaultProxy(localstack.port, tls.server("localhost"))

    error = raised_by(lambda: make_provider(proxy).wrap(at(proxy, ARN), DEK, context, call()))

    assert "SSLCertVerificationError" in str(error)
    assert proxy.seen == []
    proxy.close()


def test_the_certificate_is_for_the_name_and_not_for_the_address(
    make_provider, localstack, at, context, call, tls, monkeypatch
):
    proxy = FaultProxy(localstack.port, tls.server("kms.private.test"))
    place = f"kms.private.test:{proxy.port}"
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", proxy.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: inside)
    provider = make_provider(allowed_hosts=place, ca_file=str(tls.ca_file))

    with proxy.answering("AccessDeniedException"), pytest.raises(AccessDenied):
        provider.wrap(at(proxy_at(f"https://{place}"), ARN), DEK, context, call())

    proxy.close()


def test_a_certificate_for_another_host_is_not_trusted(make_provider, localstack, at, context, call, tls):
    proxy = FaultProxy(localstack.port, tls.server("kms.eu-west-1.amazonaws.com"))
    provider = make_provider(proxy, ca_file=str(tls.ca_file))

    error = raised_by(lambda: provider.wrap(at(proxy, ARN), DEK, context, call()))

    assert "SSLCertVerificationError" in str(error)
    assert proxy.seen == []
    proxy.close()


ARN = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class proxy_at:  # noqa: N801  stands for a proxy that there is none of
    def __init__(self, url):
        self.url = url


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
        yield listener.getsockname()[1]
        for each in waiting:
            each.close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


class Authority:
    """A certificate authority of the tests' own."""

    def __init__(self, folder):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the tests' own")])
        self.ca_file = folder / "ca.pem"
        basic = x509.BasicConstraints(ca=True, path_length=None)
        self.ca_file.write_bytes(self._signed(self._name, self._key.public_key(), basic))

    def server(self, host):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self._signed(name, key.public_key(), x509.SubjectAlternativeName([x509.DNSName(host)]))
        path = self._folder / f"{host}.pem"
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(key.private_bytes(*form) + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(self, name, public_key, extension):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder(self._name, name, public_key, x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(extension, critical=True)
        )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
