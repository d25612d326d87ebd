import socket
import ssl
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from sealring.auth import jwks_fetch
from sealring.auth.exchange import check_files, reason_of
from sealring.auth.jwks_fetch import fetch_key_set
from sealring.errors import SettingsInvalid
from support.tls import PrivateCa
from support.waiting import becomes_true


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


# --- an issuer that never comes to an end


class Endless:
    """An issuer that answers with a beginning, and then with the same bytes for ever, as fast or as slowly as `gap_s` has it."""

    def __init__(self, beginning, again, gap_s):
        self._beginning, self._again, self._gap_s = beginning, again, gap_s
        self._over = threading.Event()

    def __enter__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()
        return self

    def __exit__(self, *_failure):
        self._over.set()
        socket.create_connection(self._server.getsockname()).close()  # where no fetch got as far as that in its time
        self._thread.join()
        self._server.close()

    def _answer(self):
        self._server.settimeout(10)  # a fetch whose time is over before it has connected never comes
        with suppress(OSError), self._server.accept()[0] as peer:
            peer.settimeout(1)
            peer.recv(4096)
            peer.sendall(self._beginning)
            while not self._over.wait(self._gap_s):
                peer.sendall(self._again)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
LAST_CHUNK = CHUNKED + b"2\r\n{}\r\n0\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def ending_of(url, monkeypatch):
    """What a fetch with half a second comes to; none, where it has not ended after twenty times as long."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(jwks_fetch, "TIMEOUT_S", 0.5)
    endings = []

    def fetch():
        try:
            endings.append(fetch_key_set(url))
        except OSError as error:
            endings.append(reason_of(error))

    fetching = threading.Thread(target=fetch, daemon=True)
    fetching.start()
    fetching.join(10)
    return endings[0] if endings else None


@pytest.mark.parametrize(
    ("beginning", "again", "gap_s"),
    [
        pytest.param(b"HTTP/1.1 200 ", b"K", 0.02, id="status line"),
        pytest.param(OK + b"X: ", b"a", 0.02, id="header"),
        pytest.param(b"HTTP/1.1 404 Not Found\r\nX: ", b"a", 0.02, id="header of a refusal"),
        pytest.param(CONTINUE, CONTINUE, 0.02, id="continue"),
        pytest.param(CONTINUE, CONTINUE * 1000, 0.0, id="continue at full speed"),
        pytest.param(CHUNKED, b"0", 0.02, id="size of a chunk"),
        pytest.param(CHUNKED + b"100\r\n", b" ", 0.02, id="chunk"),
        pytest.param(LAST_CHUNK + b"T: ", b"a", 0.02, id="trailer"),
        pytest.param(LAST_CHUNK, b"T: a\r\n" * 1000, 0.0, id="trailers at full speed"),
        pytest.param(OK + b"\r\n", b" ", 0.02, id="body"),
        pytest.param(OK + b"Content-Length: 9000\r\n\r\n", b" ", 0.02, id="body of a length"),
    ],
)
def test_an_answer_that_never_ends_is_given_up(monkeypatch, beginning, again, gap_s):
    with Endless(beginning, again, gap_s) as issuer:
        assert ending_of(f"http://{issuer.address}/jwks", monkeypatch) == "no answer in time"


def test_a_tls_handshake_that_never_ends_is_given_up(monkeypatch):
    with Endless(b"\x16\x03\x03\x40\x00", b"\x02", 0.02) as issuer:
        assert ending_of(f"https://{issuer.address}/jwks", monkeypatch) == "no answer in time"


def test_a_proxy_that_never_lets_through_is_given_up(monkeypatch):
    with Endless(b"HTTP/1.1 200 OK\r\nX: ", b"a", 0.02) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        monkeypatch.setattr("urllib.request.proxy_bypass", lambda _host, _proxies=None: False)

        assert ending_of("https://auth.example.com/jwks", monkeypatch) == "no answer in time"


def test_an_address_that_does_not_answer_leaves_time_for_the_next(issuer, monkeypatch):
    """The backlog of the first is full, so that it takes no connection."""
    port = issuer.server.server_port
    issuer.body = b'{"keys": []}'
    with socket.socket() as deaf, ExitStack() as waiting:
        deaf.bind(("127.0.0.2", port))
        deaf.listen(0)
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.2", port))
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
        looked_up = socket.getaddrinfo
        monkeypatch.setattr(
            "socket.getaddrinfo",
            lambda host, *rest, **options: found if host == "two.example" else looked_up(host, *rest, **options),
        )

        assert fetch_key_set(f"http://two.example:{port}/jwks") == b'{"keys": []}'


def test_no_thread_and_no_socket_is_left_of_a_fetch(issuer):
    threads, sockets = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(3):
        fetch_key_set(issuer.url)

    assert becomes_true(lambda: threading.active_count() <= threads)
    assert becomes_true(lambda: len(list(Path("/proc/self/fd").iterdir())) <= sockets)


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


@pytest.mark.parametrize("beside", [False, True])
def test_the_authorities_of_the_system_are_trusted_still(private, tmp_path, monkeypatch, beside):
    (tmp_path / "other").mkdir()
    authority, url = private
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

    assert fetch_key_set(url, PrivateCa(tmp_path / "other").file if beside else None) == b'{"keys": []}'


def test_a_file_without_a_certificate_is_refused(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(SettingsInvalid, match=r"ca\.pem holds no certificate in PEM"):
        check_files(tmp_path / "ca.pem", None)
    with pytest.raises(SettingsInvalid, match="No such file"):
        check_files(tmp_path / "missing.pem", None)


def test_a_file_without_a_token_is_refused_at_start(tmp_path):
    (tmp_path / "token").write_text("two words")

    with pytest.raises(SettingsInvalid, match="token: its token_file holds no token"):
        check_files(None, tmp_path / "token")
    with pytest.raises(SettingsInvalid, match="No such file"):
        check_files(None, tmp_path / "missing")
