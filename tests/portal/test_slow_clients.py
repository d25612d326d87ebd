"""Clients that send slowly, to the pages of a server with one worker: nobody else waits for them."""

import socket
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from sealring.http.asgi import FLASK_THREADS
from support.live import live_server

HEAD = (
    b"POST /portal/begin HTTP/1.1\r\nHost: localhost:8420\r\nOrigin: http://localhost:8420\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\nlink="
)
PAGE = {"Host": "localhost:8420", "Accept": "text/html"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with live_server(tmp_path_factory.mktemp("slow"), workers=1, worker="loop") as live:
        yield live


def connected(server):
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=15)


def slow_form(server):
    """A connection on which a form has begun, and does not go on."""
    connection = connected(server)
    connection.sendall(HEAD)
    return connection


def page_from(connection):
    """Read an answer that is a page."""
    answer = b""
    while b"</html>" not in answer and (piece := connection.recv(1 << 16)):
        answer += piece
    return answer


@pytest.fixture
def slow_forms(server):
    with ExitStack() as opened:
        yield [opened.enter_context(slow_form(server)) for _ in range(2 * FLASK_THREADS)]


@pytest.mark.usefixtures("slow_forms")
@pytest.mark.parametrize(("path", "status"), [("/readyz", 200), ("/portal/style.css", 200), ("/portal/start", 403)])
def test_slow_forms_of_strangers_delay_neither_health_nor_pages(server, path, status):
    began = time.monotonic()

    answer = server.ask("GET", path, headers={} if path == "/readyz" else PAGE)

    assert answer.status == status
    assert time.monotonic() - began < 2


def test_a_form_that_does_not_arrive_is_given_up_after_seconds(server):
    began = time.monotonic()

    with slow_form(server) as connection:
        answer = page_from(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 8


def test_a_form_that_is_too_long_is_refused_before_it_arrives(server):
    with connected(server) as connection:
        connection.sendall(HEAD.replace(b"60000", b"65537"))
        answer = page_from(connection)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_form_may_arrive_in_pieces(server):
    with connected(server) as connection:
        connection.sendall(HEAD.replace(b"60000", b"13"))
        connection.sendall(b"x&token=")
        answer = page_from(connection)

    assert answer.startswith(b"HTTP/1.1 403 ")  # the token is no token: it was read
