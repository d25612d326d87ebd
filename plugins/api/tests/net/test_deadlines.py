"""An exchange ends by its deadline, whatever the other side does and however slowly."""

import socket
import time
from contextlib import contextmanager

import pytest

from sealring_plugin import DeadlineExceeded
from sealring_plugin.net import Endpoint, Request

HEAD = b"HTTP/1.1 200 OK\r\n"
EMPTY = HEAD + b"content-length: 2\r\n\r\n{}"


def get(server, path="/"):
    return Request("GET", server.endpoint, path)


def soon(seconds=20.0):
    return time.monotonic() + seconds


@contextmanager
def within(least_s, most_s):
    """The block takes so long. Without a deadline, each of these would take minutes."""
    began = time.monotonic()
    yield
    assert least_s <= time.monotonic() - began < most_s


@pytest.mark.parametrize("slow", [b"", b"HTTP/1.1 200 O", HEAD + b"x-slow: ", HEAD + b"content-length: 5000\r\n\r\n"])
def test_a_server_that_says_no_more_is_left_at_the_deadline(client, speaking, slow):
    def say_and_wait(connection, over):
        connection.recv(65_536)
        connection.sendall(slow)
        over.wait(60)

    server = speaking(say_and_wait)

    with within(0.45, 5), pytest.raises(DeadlineExceeded):
        client.send(get(server), soon(0.5))
    assert client.idle_connections == 0


def dripping(beginning, drip):
    """A byte or so in a fiftieth of a second: each read is in time, and the whole never is."""

    def speak(connection, over):
        connection.recv(65_536)
        connection.sendall(beginning)
        while not over.wait(0.02):
            connection.sendall(drip)

    return speak


@pytest.mark.parametrize(
    ("beginning", "drip"),
    [
        (b"HTTP/1.1 200 ", b"x"),
        (HEAD + b"x-slow: ", b"x"),
        (HEAD, b"x: y\r\n"),
        (HEAD + b"content-length: 60000\r\n\r\n", b"x"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n2710\r\n", b"x"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n"),
    ],
)
def test_a_server_that_drips_is_left_at_the_deadline(client, speaking, beginning, drip):
    server = speaking(dripping(beginning, drip))

    with within(0.45, 5), pytest.raises(DeadlineExceeded):
        client.send(get(server), soon(0.5))
    assert client.idle_connections == 0


def test_a_server_that_drips_over_tls_is_left_at_the_deadline(make_client, speaking, authority):
    server = speaking(dripping(HEAD + b"content-length: 60000\r\n\r\n", b"x"), authority.server())

    with within(0.45, 5), pytest.raises(DeadlineExceeded):
        make_client(ca_file=authority.ca_file).send(get(server), soon(0.5))


def test_a_server_that_reads_nothing_is_left_at_the_deadline(client, speaking):
    server = speaking(lambda _connection, over: over.wait(60))
    request = Request("POST", server.endpoint, "/", {}, bytes(50_000_000))

    with within(0.45, 5), pytest.raises(DeadlineExceeded):
        client.send(request, soon(0.5))


def connecting(host, port, _deadline):
    """A guard that leaves no timeout behind on the sockets that it connects."""
    return socket.create_connection((host, port))


def say_nothing(_connection, over):
    over.wait(60)


def greet_slowly(connection, over):
    """The head of a TLS record of 16 KiB, and then a byte now and then."""
    connection.recv(65_536)
    connection.sendall(b"\x16\x03\x03\x40\x00")
    while not over.wait(0.02):
        connection.sendall(b"\x00")


def greet_again_and_again(connection, over):
    """HelloRequest (RFC 5246 section 7.4.1.1), which OpenSSL skips without returning while there is another one."""
    connection.recv(65_536)
    until = time.monotonic() + 4
    while not over.is_set() and time.monotonic() < until:
        connection.sendall(b"\x16\x03\x03\x00\x01\x00" * 8000)


@pytest.mark.parametrize("speak", [say_nothing, greet_slowly, greet_again_and_again])
def test_a_handshake_that_does_not_end_is_left_at_the_deadline(make_client, speaking, speak):
    server = speaking(speak)
    endpoint = Endpoint("https", "127.0.0.1", server.port)

    with within(0.45, 5), pytest.raises(DeadlineExceeded):
        make_client(connecting).send(Request("GET", endpoint, "/"), soon(0.5))


def test_what_came_before_the_deadline_is_an_answer(client, speaking):
    def speak(connection, over):
        connection.recv(65_536)
        for byte in EMPTY:
            connection.sendall(bytes([byte]))
            over.wait(0.005)

    assert client.send(get(speaking(speak)), soon()).body == b"{}"


def test_a_deadline_that_has_passed_sends_nothing(client, speaking):
    came = []

    def speak(connection, _over):
        while said := connection.recv(65_536):
            came.append(said)
            connection.sendall(EMPTY)

    server = speaking(speak)
    client.send(get(server, "/first"), soon())
    for passed in (0.0, -1.0):
        with pytest.raises(DeadlineExceeded):
            client.send(get(server, "/late"), soon(passed))

    assert [each.split(b" ")[1] for each in came] == [b"/first"]
