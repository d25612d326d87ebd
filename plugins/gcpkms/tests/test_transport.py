"""A call ends at its deadline, whatever the other side does; it goes where the guard lets it, and nowhere else."""

import socket
import time
from contextlib import closing
from dataclasses import replace

import pytest
from fake_google import Authority, Google
from fake_google.google import serve

from sealring_plugin import ConfigInvalid, DeadlineExceeded, Unavailable

DEK = bytes(range(32))
LIMIT_S = 0.5
SLACK_S = 0.25
EVERYWHERE = pytest.mark.parametrize("on", ["/cryptoKeys/", ":generateAccessToken", "/token"])


def soon(call):
    return replace(call, deadline=time.monotonic() + LIMIT_S)


@pytest.fixture
def elsewhere(tmp_path):
    """Another server, with a certificate of its own authority."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with closing(Google(folder)) as google:
        yield google


@EVERYWHERE
@pytest.mark.parametrize("fault", ["silent", "dripping"])
def test_an_answer_that_does_not_end_is_given_up_at_the_deadline(google, provider, key, context, call, fault, on):
    with getattr(google, fault)(on):
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            provider.wrap(key, DEK, context, soon(call))

    assert LIMIT_S * 0.9 <= time.monotonic() - started <= LIMIT_S + SLACK_S


@EVERYWHERE
@pytest.mark.parametrize(
    "after",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"name": "proj',
        b"SSH-2.0-x\r\n",
    ],
)
def test_a_connection_that_is_cut_is_unavailable(google, provider, key, context, call, on, after):
    with google.cutting(on, after), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call)


def test_a_failed_call_is_one_attempt(google, provider, key, context, call):
    provider.wrap(key, DEK, context, call)
    google.log.clear()

    with google.refusing("UNAVAILABLE"), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call)

    assert len(google.log) == 1


@EVERYWHERE
def test_a_failed_token_is_one_attempt_too(google, provider, key, context, call, on):
    with google.saying(503, {"error": "temporarily_unavailable"}, on), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call)

    assert len(google.calls(on)) == 1


@EVERYWHERE
def test_a_redirect_is_not_followed(google, elsewhere, provider, key, context, call, on):
    there = f"{elsewhere.origin}/v1/{key.key_id}:encrypt"

    with google.saying(307, b"", on, Location=there), pytest.raises((Unavailable, ConfigInvalid)):
        provider.wrap(key, DEK, context, call)

    assert list(elsewhere.log) == []


def test_a_proxy_of_the_environment_is_not_asked(provider, key, context, call, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK


@pytest.mark.parametrize(
    "endpoint", ["https://127.0.0.1:{port}", "https://localhost:{port}", "http://127.0.0.1:{port}"]
)
def test_an_endpoint_that_the_operator_does_not_allow_is_not_called(
    elsewhere, provider, with_options, context, call, endpoint
):
    key = with_options(endpoint=endpoint.format(port=elsewhere.port))

    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        provider.wrap(key, DEK, context, call)

    assert elsewhere.connections == 0


def test_a_host_of_googles_that_leads_inside_is_not_called(provider, with_options, context, call, monkeypatch):
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443))]
    true = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: inside if "google" in host else true(host, *rest, **more)
    )

    with pytest.raises(ConfigInvalid, match="never called"):
        provider.wrap(with_options(endpoint="https://cloudkms.googleapis.com"), DEK, context, call)


def test_an_endpoint_of_the_binding_is_where_the_key_is_used(
    google, elsewhere, make_provider, with_options, call, context
):
    hosts = f"127.0.0.1:{google.port}, 127.0.0.1:{elsewhere.port}"
    with (google.authority.file).open("ab") as both:
        both.write(elsewhere.authority.file.read_bytes())
    elsewhere.iam, elsewhere.kms = google.iam, google.kms

    make_provider(allowed_hosts=hosts).wrap(with_options(endpoint=elsewhere.origin), DEK, context, call)

    assert len(elsewhere.calls(":encrypt")) == 1
    assert google.calls(":encrypt") == []


def test_a_certificate_of_an_unknown_authority_is_refused(google, make_provider, key, context, call):
    with pytest.raises(Unavailable, match="SSLCertVerificationError"):
        make_provider(ca_file=None).wrap(key, DEK, context, call)

    assert list(google.log) == []


@pytest.mark.parametrize("host", ["kms.example.test", "localhost"])
def test_a_certificate_of_another_host_is_refused(google, make_provider, key, context, call, tmp_path, host):
    folder = tmp_path / "other"
    folder.mkdir()
    authority = Authority(folder)
    server = serve(google, authority.issue(host))
    endpoint = f"https://127.0.0.1:{server.server_port}"
    hosts = f"127.0.0.1:{google.port}, 127.0.0.1:{server.server_port}"
    with google.authority.file.open("ab") as both:
        both.write(authority.file.read_bytes())
    try:
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            make_provider(endpoint=endpoint, allowed_hosts=hosts).wrap(key, DEK, context, call)
    finally:
        server.shutdown()
        server.server_close()
    assert google.calls(":encrypt") == []


def test_a_connection_is_used_again(google, provider, key, context, call):
    for _ in range(5):
        provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call)

    assert google.connections == 2  # one that the guard let through, and one for our own credentials


def test_a_connection_that_was_closed_while_idle_costs_nothing(google, provider, key, context, call):
    provider.wrap(key, DEK, context, call)
    google.hang_up()

    provider.wrap(key, DEK, context, call)

    assert len(google.calls(":encrypt")) == 2


def test_an_answer_without_end_is_unavailable(google, provider, key, context, call):
    with google.saying(200, b" " * 100_000), pytest.raises(Unavailable, match="it is too long"):
        provider.wrap(key, DEK, context, call)


def test_what_comes_after_an_answer_is_not_taken_for_the_next_one(google, provider, key, context, call):
    true = provider.wrap(key, DEK, context, call)
    two = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    def answer_twice(handler):
        handler.wfile.write(two)
        handler.wfile.flush()

    with google.failing(answer_twice), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call)

    assert provider.unwrap(true, key, context, call) == DEK
