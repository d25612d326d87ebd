"""An exchange goes only where the guard lets it, fails by its class, and leaves its connection to the next one."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from sealring_plugin import ConfigInvalid, Egress, Unavailable
from sealring_plugin.net import Endpoint, Request
from support.waiting import becomes_true

HEAD = b"HTTP/1.1 200 OK\r\n"
EMPTY = HEAD + b"content-length: 2\r\n\r\n{}"


def get(server, path="/"):
    return Request("GET", server.endpoint, path)


def soon(seconds=20.0):
    return time.monotonic() + seconds


# --- what is no answer


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"", "cut off"),
        (b"SSH-2.0-x\r\n", "cut off"),
        (HEAD + b"content-length: 100\r\n\r\n{}", "cut off"),
        (HEAD + b"\r\n{}", "does not say its length"),
        (HEAD + b"content-length: 65537\r\n\r\n" + b" " * 65_537, "too long"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n-1\r\n" + b" " * 70_000, "the size of a chunk is malformed"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n-5\r\n", "the size of a chunk is malformed"),
        (b"HTTP/1.1 200 secret\x00\r\n\r\n", "it is not HTTP/1.1"),
    ],
)
def test_what_is_no_answer_is_unavailable_and_not_quoted(client, speaking, said, told):
    def say(connection, _over):
        connection.recv(65_536)
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)

    with pytest.raises(Unavailable, match=told) as raised:
        client.send(get(speaking(say)), soon())

    assert "secret" not in str(raised.value)
    assert raised.value.__context__ is None
    assert client.idle_connections == 0


def test_a_connection_that_is_reset_is_unavailable(client, speaking):
    def reset(connection, _over):
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        connection.close()

    with pytest.raises(Unavailable, match=r"failed \(ConnectionResetError\)|cut off"):
        client.send(get(speaking(reset)), soon())


def test_an_answer_that_ends_the_connection_is_read_to_its_end(client, speaking):
    """`http.client` closes the connection when it has read the head of such an answer."""

    def speak(connection, _over):
        connection.recv(65_536)
        connection.sendall(HEAD + b"connection: close\r\ncontent-length: 60000\r\n\r\n" + b"x" * 60_000)

    assert len(client.send(get(speaking(speak)), soon()).body) == 60_000
    assert client.idle_connections == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_a_refusal_is_an_answer_like_any_other(client, answering, status):
    server = answering(b"HTTP/1.1 %d x\r\nretry-after: 7\r\ncontent-length: 12\r\n\r\n" % status + b'{"error": 1}')

    answer = client.send(get(server), soon())

    assert (answer.status, answer.headers["retry-after"], answer.document()) == (status, "7", {"error": 1})


def test_a_request_that_failed_is_not_sent_again(client, speaking):
    requests = []

    def speak(connection, _over):
        requests.append(connection.recv(65_536))
        if len(requests) == 1:
            connection.sendall(EMPTY)
            requests.append(connection.recv(65_536))
        connection.shutdown(socket.SHUT_RDWR)

    server = speaking(speak)
    client.send(get(server), soon())
    with pytest.raises(Unavailable):
        client.send(get(server), soon())

    assert len(requests) == 2
    assert len(server.accepted) == 1


# --- where it goes


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(client, answering, status):
    elsewhere = answering(EMPTY)
    where = elsewhere.endpoint.url.encode()
    server = answering(b"HTTP/1.1 %d x\r\nlocation: %s/\r\ncontent-length: 0\r\n\r\n" % (status, where))

    assert client.send(get(server), soon()).status == status
    assert elsewhere.accepted == []


def test_a_proxy_of_the_environment_is_not_asked(client, answering, monkeypatch):
    proxy, server = answering(EMPTY), answering(EMPTY)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.endpoint.url)
        monkeypatch.setenv(name.lower(), proxy.endpoint.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    client.send(get(server), soon())

    assert (len(server.accepted), len(proxy.accepted)) == (1, 0)


def test_a_host_that_the_guard_does_not_know_is_never_called(make_client, answering):
    server = answering(EMPTY)

    with pytest.raises(ConfigInvalid, match="not one that the operator allows"):
        make_client(Egress.of([".example.test"], "").connect).send(get(server), soon())

    assert server.accepted == []


def test_the_guard_is_asked_for_each_connection_and_the_name_is_pinned(make_client, answering, monkeypatch):
    server = answering(EMPTY)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))],
    )
    endpoint = Endpoint("https", "kms.example.test", 443)

    with pytest.raises(ConfigInvalid, match="leads to an address that is never called"):
        make_client(Egress.of([".example.test"], "").connect).send(Request("GET", endpoint, "/"), soon())

    assert server.accepted == []


def test_a_port_where_nobody_listens_is_unavailable(client):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        endpoint = Endpoint("http", *probe.getsockname())

    with pytest.raises(Unavailable):
        client.send(Request("GET", endpoint, "/"), soon())


# --- connections that are kept


def test_a_connection_is_used_again(client, answering):
    server = answering(EMPTY)

    for _ in range(5):
        client.send(get(server), soon())

    assert len(server.accepted) == 1
    assert client.idle_connections == 1


def test_a_connection_is_used_only_for_its_own_endpoint(client, answering):
    one, another = (answering(HEAD + b"content-length: 1\r\n\r\n" + each) for each in (b"1", b"2"))

    assert [client.send(get(each), soon()).body for each in (one, another, one, another)] == [b"1", b"2", b"1", b"2"]
    assert (len(one.accepted), len(another.accepted)) == (1, 1)


@pytest.mark.parametrize("afterwards", [b"", b"x", EMPTY])
def test_a_connection_that_the_server_ended_or_wrote_to_meanwhile_is_not_used_again(client, speaking, afterwards):
    said = threading.Event()

    def speak(connection, _over):
        connection.recv(65_536)
        connection.sendall(EMPTY)
        said.wait(20)
        connection.sendall(afterwards)
        if not afterwards:
            connection.shutdown(socket.SHUT_RDWR)
        connection.recv(65_536)

    server = speaking(speak)
    client.send(get(server), soon())
    (kept,) = client._idle.get()._idle  # noqa: SLF001
    said.set()
    assert becomes_true(lambda: not kept.is_silent())

    assert client.send(get(server), soon()).body == b"{}"
    assert len(server.accepted) == 2


@pytest.mark.parametrize("over_tls", [False, True])
def test_an_answer_that_nobody_asked_for_is_never_an_answer(make_client, speaking, authority, over_tls):
    """However much of it came with the one before."""

    def speak(connection, _over):
        connection.recv(65_536)
        connection.sendall(EMPTY + HEAD + b"content-length: 60000\r\n\r\n" + b"x" * 60_000)
        connection.recv(65_536)

    client = make_client(ca_file=authority.ca_file)
    server = speaking(speak, authority.server() if over_tls else None)

    assert [client.send(get(server), soon()).body for _ in range(3)] == [b"{}"] * 3
    assert client.idle_connections == 0


def test_a_client_that_was_closed_keeps_nothing(client, answering):
    server = answering(EMPTY)
    client.send(get(server), soon())

    client.close()
    client.send(get(server), soon())

    assert client.idle_connections == 0
    assert len(server.accepted) == 2


def test_many_threads_get_each_its_own_answer(make_client, speaking, authority):
    def echo(connection, _over):
        while said := connection.recv(65_536):
            path = said.split(b" ")[1]
            connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(path) + path)

    client, server = make_client(ca_file=authority.ca_file), speaking(echo, authority.server())

    def ask(number):
        return [client.send(get(server, f"/{number}/{turn}"), soon(60)).body for turn in range(20)]

    with ThreadPoolExecutor(16) as threads:
        told = list(threads.map(ask, range(16)))

    assert told == [[f"/{number}/{turn}".encode() for turn in range(20)] for number in range(16)]
    assert 1 <= client.idle_connections <= 16


def test_a_request_that_no_message_can_carry_is_not_sent(client, answering):
    server = answering(EMPTY)

    with pytest.raises(ValueError, match="a header of a request is malformed"):
        client.send(Request("GET", server.endpoint, "/", {"authorization": "a\r\nb: c"}), soon())

    assert server.accepted == []
