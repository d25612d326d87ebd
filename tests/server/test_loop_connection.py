"""Connections of a worker with an event loop: their limit, and heads that do not end."""

import socket
from contextlib import ExitStack

import pytest

from sealring.operator.embedded import EmbeddedValkey
from secrecy.wire import answers, problem
from support.live import serving
from support.waiting import becomes_true

LIMIT = 20
CONFIG = f"""
from sealring.server.serving import *
import sealring.http.bodies

sealring.http.bodies.BODY_S = 2.0  # of an exchange there are still 90 s
worker_connections = {LIMIT}
keepalive = 5
"""
ASKS = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A server of one worker that has few connections."""
    folder = tmp_path_factory.mktemp("small")
    config = folder / "gunicorn.conf.py"
    config.write_text(CONFIG)
    with EmbeddedValkey(folder) as store, serving(folder, store.url, workers=1, gunicorn_config=config) as live:
        yield live


def connected(stack, live):
    host, port = live.url.removeprefix("http://").split(":")
    return stack.enter_context(socket.create_connection((host, int(port)), timeout=10))


def answered(connection):
    """The whole answer to a question."""
    connection.sendall(ASKS)
    received = b""
    while not received.endswith(b"}"):
        received += connection.recv(4096)
    return received


def all_that_comes(connection):
    received = b""
    while chunk := connection.recv(4096):
        received += chunk
    return received


def test_whoever_never_asked_makes_room_for_whoever_asks(small):
    with ExitStack() as stack:
        regular = connected(stack, small)
        assert answered(regular).startswith(b"HTTP/1.1 200 ")
        for _ in range(5 * LIMIT):
            connected(stack, small)

        assert answered(regular).startswith(b"HTTP/1.1 200 ")
        assert answered(connected(stack, small)).startswith(b"HTTP/1.1 200 ")


def test_an_idle_connection_ends_when_the_configuration_says(small):
    """Its server would otherwise keep it for 75 seconds."""
    with ExitStack() as stack:
        idle = connected(stack, small)
        answered(idle)

        assert all_that_comes(idle) == b""


def test_half_a_head_keeps_no_place(small):
    with ExitStack() as stack:
        for _ in range(2 * LIMIT):
            connected(stack, small).sendall(b"GET /livez HTTP/1.1\r\nHo")

        assert answered(connected(stack, small)).startswith(b"HTTP/1.1 200 ")


def test_a_connection_with_a_request_is_ended_for_nobody_and_who_comes_next_is_told(small):
    token = small.token("org_acme")
    half = f"POST /vault/v1/kv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\n{{".encode()
    with ExitStack() as stack:
        busy = [connected(stack, small) for _ in range(LIMIT)]
        for each in busy:
            each.sendall(half)

        (refusal,) = answers(told_at_last(stack, small))
        for each in busy:
            each.sendall(b'"name":1')

        assert problem(refusal) == (503, "too_many_connections")
        assert (refusal.headers["Retry-After"], refusal.headers["Connection"]) == ("1", "close")
        assert {each.recv(13) for each in busy} == {b"HTTP/1.1 415 "}


def test_a_body_has_less_time_than_its_answer(small):
    token = small.token("org_acme")
    half = f"POST /vault/v1/kv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\n{{".encode()
    with ExitStack() as stack:
        slow = connected(stack, small)
        slow.sendall(half)

        (refusal,) = answers(all_that_comes(slow))

    assert problem(refusal) == (408, "request_timeout")


def told_at_last(stack, live):
    """What a newcomer is told once each connection has a request, which takes a moment."""
    told = []

    def refused():
        connection = connected(stack, live)
        connection.sendall(ASKS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        told.append(all_that_comes(connection))
        return told[-1].startswith(b"HTTP/1.1 503 ")

    assert becomes_true(refused)
    return told[-1]


def test_a_head_without_an_end_is_refused(small):
    with ExitStack() as stack:
        endless = connected(stack, small)
        endless.sendall(b"GET /livez HTTP/1.1\r\nX: ")
        for _ in range(200):
            try:
                endless.sendall(b"x" * 1024)
            except OSError:
                break

        (refusal,) = answers(all_that_comes(endless))

    assert problem(refusal) == (431, "headers_too_large")


def test_of_thousands_of_requests_in_a_row_some_are_answered_and_none_is_kept(small):
    """A client may send the rest again: what has no answer was not worked on (RFC 9112, section 9.3.2)."""
    with ExitStack() as stack:
        greedy = connected(stack, small)
        greedy.sendall(ASKS * 3000)

        received = answers(all_that_comes(greedy))

    assert {answer.status for answer in received} == {200}
    assert 65 <= len(received) < 200
