"""Connections of a worker with an event loop: their limit, and heads that do not end."""

import asyncio
import select
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from sealring.operator.embedded import EmbeddedValkey
from sealring.server.loop_worker import Loop
from secrecy.wire import answers, problem
from support.live import live_server, serving
from support.tls import PrivateCa
from support.waiting import becomes_true

LIMIT = 20
CONFIG = f"""
from sealring.server.serving import *
import sealring.http.bodies

sealring.http.bodies.BODY_S = 6.0  # of an exchange there are still 90 s
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
    with (
        EmbeddedValkey(folder) as store,
        serving(folder, store.url, workers=1, gunicorn_config=config, worker="loop") as live,
    ):
        yield live


def connected(stack, live):
    host, port = live.url.removeprefix("http://").split(":")
    return stack.enter_context(socket.create_connection((host, int(port)), timeout=10))


def half_a_body(live):
    token = live.token("org_acme")
    head = f"POST /vault/v1/kv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\n"
    return head.encode() + b"{"


def answered(connection):
    """The whole answer to a question."""
    connection.sendall(ASKS)
    received = b""
    while not received.endswith(b"}"):
        chunk = connection.recv(4096)
        assert chunk, received
        received += chunk
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
    half = half_a_body(small)
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
    with ExitStack() as stack:
        slow = connected(stack, small)
        slow.sendall(half_a_body(small))

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


# --- answers that are not read


@pytest.fixture(scope="module")
def large(small):
    """A request of an object whose JSON takes six megabytes."""
    token = small.token("org_large")
    body = {"name": "large", "value": "\x01" * (1 << 20), "key_context": {"organization_id": "org_large"}}
    made = small.ask("POST", "/vault/v1/kv", token=token, body=body).json
    return f"GET /vault/v1/kv/{made['id']} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n".encode()


def reading_little(stack, live):
    """A connection whose client has little room for what it gets."""
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(10)
    host, port = live.url.removeprefix("http://").split(":")
    connection.connect((host, int(port)))
    return connection


def slowly_all_that_comes(connection):
    received, pace = bytearray(), threading.Event()
    while chunk := connection.recv(1 << 15):
        received += chunk
        pace.wait(0.01)
    return bytes(received)


def test_an_answer_that_is_being_read_is_cut_off_for_nobody(small, large):
    with ExitStack() as stack:
        reader = reading_little(stack, small)
        reader.sendall(large + b"Connection: close\r\n\r\n")
        received = stack.enter_context(ThreadPoolExecutor(1)).submit(slowly_all_that_comes, reader)

        for _ in range(LIMIT - 1):
            connected(stack, small).sendall(half_a_body(small))
        told_at_last(stack, small)

        (answer,) = answers(received.result(60))
    assert (answer.status, len(answer.raw)) == (200, int(answer.headers["Content-Length"]))


def test_whoever_reads_no_answer_makes_room_for_whoever_asks(small, large):
    with ExitStack() as stack:
        for _ in range(LIMIT):
            reading_little(stack, small).sendall((large + b"\r\n") * 3)

        def newcomer_is_answered():
            with suppress(OSError):
                return answered(connected(stack, small)).startswith(b"HTTP/1.1 200 ")

        assert becomes_true(newcomer_is_answered)


# --- what follows


def test_what_follows_a_body_beside_an_offer_of_another_protocol_is_no_part_of_it(small):
    token = small.token("org_up")

    def create(value, *fields):
        head = ("POST /vault/v1/kv HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *fields)
        return (
            "\r\n".join((*head, "Content-Type: application/json", f"Content-Length: {len(value)}")) + f"\r\n\r\n{value}"
        )

    first = '{"name":"first","key_context":{"organization_id":"org_up"},"value":"begins '
    with ExitStack() as stack:
        connection = connected(stack, small)
        connection.sendall((create(first, "Connection: Upgrade", "Upgrade: x") + create('and ends"}')).encode())

        (refusal,) = answers(all_that_comes(connection))

    assert problem(refusal) == (400, "malformed_request")


def test_the_next_head_has_its_own_time_although_it_began_before_the_answer(small):
    with ExitStack() as stack:
        connection = connected(stack, small)
        connection.sendall(ASKS + b"GET /livez HTTP/1.1\r\nHo")
        received = connection.recv(4096)
        while not received.endswith(b"}"):
            received += connection.recv(4096)

        assert select.select([connection], [], [], 3.5)[0] == []  # as long as the rest of a body would have


def test_garbage_and_an_end_leave_nothing_in_the_log(small):
    with ExitStack() as stack:
        for _ in range(3):
            connection = connected(stack, small)
            connection.sendall(b"X\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            all_that_comes(connection)

    assert "Traceback" not in small.log.read_text()


def test_a_worker_that_ends_tells_a_kept_connection_with_its_next_answer(tmp_path):
    with live_server(tmp_path, workers=1, worker="loop") as live, ExitStack() as stack:
        kept = connected(stack, live)
        assert b"connection: close" not in answered(kept).lower()
        live.process.terminate()

        assert becomes_true(lambda: b"connection: close" in answered(kept).lower())
        assert kept.recv(1) == b""


def test_a_tls_handshake_has_the_time_of_a_head(tmp_path, monkeypatch):
    """Nothing counts the connection until its handshake has ended."""
    monkeypatch.setattr("sealring.server.deadlines.HEAD_S", 0.5)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*PrivateCa(tmp_path).issue("server"))

    async def silent():
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        async with server, asyncio.timeout(10):
            received = await reader.read()
            writer.close()
            return received

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(silent()) == b""
