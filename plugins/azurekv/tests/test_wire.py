"""Connections go where they may, end in time, and are used again while they are good."""

import socket
import ssl
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from azure_fake import Azure, refused

from sealring_azurekv import wire
from sealring_azurekv.key import Origin
from sealring_azurekv.wire import Request, Wire
from sealring_plugin import ConfigInvalid, DeadlineExceeded, Egress, Unavailable
from support.waiting import becomes_true

DEK = bytes(32)
GET = Request("GET", "/", {"host": "x"})
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@contextmanager
def speaking(speak):
    """A server without TLS whose connections are all given to `speak`."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve():
            while not over.is_set():
                connection, _ = server.accept()
                with connection:
                    speak(connection, over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Origin("http", "127.0.0.1", server.getsockname()[1])
        finally:
            over.set()
            socket.create_connection(server.getsockname()).close()
            thread.join()


def saying(*parts):
    def speak(connection, _over):
        if connection.recv(65536):
            for part in parts:
                connection.sendall(part)

    return speak


@pytest.fixture
def plain():
    made = Wire(Egress((), frozenset({"127.0.0.1"})), ssl.create_default_context())
    yield made
    made.close()


def leading(monkeypatch, host, address):
    """Let a name lead to an address."""
    found = socket.getaddrinfo

    def resolve(asked, port, **options):
        return found(address if asked == host else asked, port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def soon(seconds=10.0):
    return time.monotonic() + seconds


def dripping(connection, over):
    """One byte in a twentieth of a second: each read is in time, and the whole never is."""
    if connection.recv(65536):
        for byte in HEAD + b"content-length: 1000\r\n\r\n" + b" " * 1000:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return
            if over.wait(0.05):
                return


def test_a_server_that_drips_does_not_outlast_the_deadline(plain):
    with speaking(dripping) as origin:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            plain.send(origin, GET, soon(0.5))

    assert time.monotonic() - began < 1.5
    assert plain.idle_connections == 0


class Hasty:
    """A guard that leaves no timeout behind on the sockets that it connects."""

    def connect(self, host, port, _deadline):
        return socket.create_connection((host, port))


def test_a_server_that_never_greets_does_not_outlast_the_deadline():
    def speak(_connection, over):
        over.wait(3)

    wire = Wire(Hasty(), ssl.create_default_context())
    with speaking(speak) as origin:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            wire.send(replace(origin, scheme="https"), GET, soon(0.5))

        assert time.monotonic() - began < 2


def test_a_vault_that_hangs_does_not_outlast_the_deadline(azure, provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    began = time.monotonic()

    with azure.hanging(), pytest.raises(DeadlineExceeded):
        provider.unwrap(wrapped, key, context, replace(call, deadline=soon(0.5)))

    assert time.monotonic() - began < 1.5


def test_an_unwrap_whose_time_has_passed_asks_nobody(azure, provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    azure.seen.clear()

    with pytest.raises(DeadlineExceeded):
        provider.unwrap(wrapped, key, context, replace(call, deadline=time.monotonic()))

    assert azure.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(azure, provider, key, context, call, status):
    azure.seen.clear()
    elsewhere = refused(status, "Moved", headers={"location": f"{azure.url}/keys/second?api-version=7.4"})

    with azure.switched(fails_with=elsewhere), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call)

    assert azure.operations() == ["GET first"]


def test_proxies_of_the_environment_are_not_used(provider, key, context, call, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    provider.wrap(key, DEK, context, call)


def test_an_endpoint_that_is_not_allowed_is_never_called(azure, provider, make_key, context, call):
    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        provider.wrap(make_key(endpoint="https://127.0.0.1:1"), DEK, context, call)

    assert azure.operations() == []


def test_an_authority_that_is_not_allowed_is_never_called(azure, make_provider, key, context, call):
    provider = make_provider(authority="https://127.0.0.1:1")
    azure.seen.clear()

    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        provider.wrap(key, DEK, context, call)

    assert azure.seen == []


def test_a_certificate_of_another_host_is_not_taken(azure, make_provider, make_key, context, call, monkeypatch):
    provider = make_provider(allowed_hosts=f"{azure.host}, kv.internal")
    leading(monkeypatch, "kv.internal", "127.0.0.1")
    endpoint = azure.url.replace("localhost", "kv.internal")

    with pytest.raises(Unavailable, match="not one that is trusted"):
        provider.wrap(make_key(endpoint=endpoint), DEK, context, call)


def test_an_authority_of_certificates_that_is_not_named_is_not_trusted(make_provider, key, context, call):
    provider = make_provider(ca_file=None)

    with pytest.raises(Unavailable, match="see ca_file"):
        provider.wrap(key, DEK, context, call)


def test_an_endpoint_on_loopback_may_be_without_tls(azure, certificates, make_provider, make_key, context, call):
    plain = Azure(certificates.app, None)
    plain.entra, plain.keys = azure.entra, azure.keys
    plain.start()
    try:
        provider = make_provider(allowed_hosts=f"{azure.host}, {plain.host}")
        key = make_key(endpoint=plain.url)
        assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK
    finally:
        plain.stop()


# --- connections that are kept


def test_a_connection_is_used_again(provider, key, context, call):
    for _ in range(3):
        provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call)

    assert provider.idle_connections == 2  # one to the vault, one to Entra ID


def test_a_connection_is_used_for_its_own_server_alone(plain):
    def speak(connection, _over):
        while connection.recv(65536):
            answer = b'{"port": %d}' % connection.getsockname()[1]
            connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(answer) + answer)

    with speaking(speak) as one, speaking(speak) as another:
        answers = [plain.send(origin, GET, soon()).body["port"] for origin in (one, another, one, another)]
        kept = plain.idle_connections
        plain.close()

    assert answers == [one.port, another.port, one.port, another.port]
    assert kept == 2


def test_a_connection_that_the_vault_closed_is_not_used(plain):
    once = saying(HEAD + b"content-length: 2\r\n\r\n{}")

    with speaking(once) as origin:
        for _ in range(3):
            assert plain.send(origin, GET, soon()).status == 200
            assert becomes_true(lambda: not plain._idle[0].is_fresh())  # noqa: SLF001  the end of it is on its way


@pytest.mark.parametrize("limit", ["MAX_IDLE_S", "MAX_AGE_S"])
def test_a_connection_that_is_too_old_is_not_used(azure, provider, key, context, call, monkeypatch, limit):
    provider.wrap(key, DEK, context, call)
    kept = provider._client._vaults._idle[0]  # noqa: SLF001

    monkeypatch.setattr(wire, limit, 0.0)
    provider.wrap(key, DEK, context, call)

    assert kept.sock is None


def test_no_more_connections_are_kept_than_64(plain):
    def speak(connection, _over):
        while connection.recv(65536):
            connection.sendall(HEAD + b"content-length: 2\r\n\r\n{}")

    with speaking(speak) as origin:
        plain.send(origin, GET, soon())
        (kept,) = plain._idle  # noqa: SLF001
        others = [type(kept)(Origin("http", f"h{number}", 80), None, None) for number in range(64)]
        plain._idle = [*others, kept]  # noqa: SLF001
        plain.send(origin, GET, soon())

        assert plain.idle_connections == 64
        plain.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}",
        b"HTTP/1.1 abc\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"content-length: 65537\r\n\r\n" + b" " * 65537,
        HEAD + b"\r\n" + b" " * 70000,
        HEAD + b"x: y\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_no_answer_is_unavailable(plain, said):
    with speaking(saying(said)) as origin, pytest.raises(Unavailable):
        plain.send(origin, GET, soon())

    assert plain.idle_connections == 0


def test_the_longest_answer_is_read(plain):
    content = b'{"a": "' + b"x" * 65527 + b'"}'

    with speaking(saying(HEAD + b"content-length: 65536\r\n\r\n" + content)) as origin:
        assert len(plain.send(origin, GET, soon()).body["a"]) == 65527


@pytest.mark.parametrize("content", [b"", b"x", b"[]", b"null", b"\xff", b"[" * 60000])
def test_an_answer_that_is_no_object_is_an_empty_one(plain, content):
    with speaking(saying(HEAD + f"content-length: {len(content)}\r\n\r\n".encode() + content)) as origin:
        answer = plain.send(origin, GET, soon())

    assert answer.body == {}


def test_nothing_of_a_request_or_an_answer_is_shown():
    request = Request("POST", "/keys", {"authorization": "Bearer secret"}, b"secret")
    answer = wire.Answer(200, {}, {"value": "secret"})

    assert "secret" not in repr(request) + repr(answer)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_a_vault_whose_name_leads_to_ourselves_is_not_called(provider, make_key, context, call, monkeypatch, address):
    leading(monkeypatch, "acme.vault.azure.net", address)

    with pytest.raises(ConfigInvalid, match="leads to an address that is never called"):
        provider.wrap(make_key(endpoint=""), DEK, context, call)
