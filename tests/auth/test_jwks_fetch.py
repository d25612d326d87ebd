import socket
import ssl
import time

import pytest

from sealring.auth import jwks_fetch
from sealring.auth.jwks_fetch import check_ca_file, fetch_key_set, reason_of
from sealring.errors import SettingsInvalid
from support.tls import PrivateCa


def refusal(url):
    with pytest.raises(OSError) as caught:
        fetch_key_set(url)
    return caught.value


def test_the_body_is_returned(issuer):
    issuer.body = b'{"keys": []}'

    assert fetch_key_set(issuer.url) == b'{"keys": []}'
    path, headers = issuer.requests[0]
    assert path == "/jwks"
    assert headers["User-Agent"] == "sealring"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused(issuer, status):
    issuer.status = status
    issuer.headers = {"Location": "/elsewhere"}

    assert str(refusal(issuer.url)) == f"status {status}"
    assert [path for path, _ in issuer.requests] == ["/jwks"]


@pytest.mark.parametrize("status", [304, 400, 401, 404, 429, 500, 503])
def test_another_status_is_refused(issuer, status):
    issuer.status = status
    issuer.body = b""

    assert str(refusal(issuer.url)) == f"status {status}"


def test_an_oversize_body_is_read_a_byte_past_the_limit_only(issuer):
    issuer.body = b" " * 200_000

    assert len(fetch_key_set(issuer.url)) == 65_537


def test_no_connection_is_an_os_error():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    assert isinstance(refusal(f"http://127.0.0.1:{port}/jwks"), OSError)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/jwks", "data:,x"])
def test_nothing_but_http_is_opened(url):
    assert "unknown url type" in str(refusal(url))


def test_a_host_name_that_cannot_be_is_an_os_error(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")

    assert isinstance(refusal("http://a..example/jwks"), OSError)


def test_plain_http_behind_an_https_url_is_an_os_error(issuer):
    assert isinstance(refusal(issuer.url.replace("http:", "https:")).reason, ssl.SSLError)


def test_an_answer_that_is_no_http_is_an_os_error(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        monkeypatch.setattr("socket.create_connection", lambda *_arguments, **_options: client)
        peer.sendall(b"gopher\r\n\r\n")

        with peer:
            assert str(refusal("http://127.0.0.1/jwks")) == "a broken answer"


def test_a_silent_issuer_is_given_up(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(jwks_fetch, "TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/jwks"

        assert isinstance(refusal(url), OSError)


class Drip:
    """An answer that comes byte by byte."""

    def read1(self, _size):
        return b" "


def test_an_answer_that_drips_is_given_up():
    with pytest.raises(TimeoutError):
        jwks_fetch._body(Drip(), deadline=time.monotonic() - 1)


# --- behind a private certificate authority


@pytest.fixture
def private(issuer, tmp_path):
    """A private authority, and the URL of an issuer that has a certificate of it."""
    authority = PrivateCa(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("issuer"))
    issuer.server.socket = context.wrap_socket(issuer.server.socket, server_side=True)
    issuer.body = b'{"keys": []}'
    return authority, issuer.url.replace("http:", "https:")


def test_a_private_authority_is_trusted_for_the_url_that_names_its_file(private):
    authority, url = private

    assert fetch_key_set(url, authority.file) == b'{"keys": []}'
    refused = refusal(url)
    assert isinstance(refused.reason, ssl.SSLCertVerificationError)
    assert reason_of(refused) == "its certificate is refused: unable to get local issuer certificate"


def test_a_certificate_for_another_host_is_refused_all_the_same(private):
    authority, url = private

    with pytest.raises(OSError, match="Hostname mismatch"):
        fetch_key_set(url.replace("127.0.0.1", "localhost"), authority.file)


def test_the_authorities_of_the_system_are_trusted_still(tmp_path):
    file = PrivateCa(tmp_path).file

    beside = jwks_fetch._trusting(file).cert_store_stats()["x509"]

    assert beside == jwks_fetch._trusting(None).cert_store_stats()["x509"] + 1


def test_a_file_without_a_certificate_is_refused(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(SettingsInvalid, match=r"ca\.pem holds no certificate in PEM"):
        check_ca_file(tmp_path / "ca.pem")
    with pytest.raises(SettingsInvalid, match="No such file"):
        check_ca_file(tmp_path / "missing.pem")
