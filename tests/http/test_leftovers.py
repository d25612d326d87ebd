"""What is left of a body when its answer is ready: the answer arrives all the same, and nobody can hold it up."""

import http.client
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest
from gunicorn.config import Config
from gunicorn.http import get_parser
from gunicorn.http.wsgi import default_environ

from sealring.errors import RequestTimeout
from sealring.http.bodies import Bodies
from secrecy.wire import answers, exchange, problem
from support.asking import Answer

LARGE = b" " * 5_000_000
OVER_THE_LIMIT = b" " * 20_000_000
ID = "secret_00000000000000000000000000000000"
JSON = {"Content-Type": "application/json"}

# method, path, headers besides those of the body, token, answer
REFUSALS = {
    "unknown route": ("POST", "/nowhere", JSON, True, (404, "route_not_found")),
    "two slashes": ("POST", "//vault/v1/kv", JSON, True, (404, "route_not_found")),
    "path that is no UTF-8": ("POST", "/vault/%FF", JSON, True, (400, "malformed_request")),
    "wrong method": ("PATCH", "/vault/v1/kv", JSON, True, (405, "method_not_allowed")),
    "wrong method of an open route": ("POST", "/livez", JSON, True, (405, "method_not_allowed")),
    "refused content type": (
        "POST",
        "/vault/v1/kv",
        {"Content-Type": "text/plain"},
        True,
        (415, "unsupported_media_type"),
    ),
    "no token": ("POST", "/vault/v1/kv", JSON, False, (401, "unauthenticated")),
    "GET with a body": ("GET", f"/vault/v1/kv/{ID}", JSON, True, (404, "not_found")),
    "DELETE with a body": ("DELETE", f"/vault/v1/kv/{ID}", JSON, True, (404, "not_found")),
}
ACCEPTED = {
    "open route": ("GET", "/livez", JSON, False),
    "guarded route": ("GET", "/vault/v1/kv", JSON, True),
}  # fmt: skip


@pytest.fixture(params=["loop", "threads"])
def live(request, on_loop, live_with_threads):
    """Each kind of worker reads bodies in its own way."""
    return on_loop if request.param == "loop" else live_with_threads


def connected(live):
    host, port = live.url.removeprefix("http://").split(":")
    return http.client.HTTPConnection(host, int(port), timeout=30)


def ask(connection, live, method, path, headers, has_token, body, chunked):
    """One request of a client that reads nothing before it has sent all."""
    token = {"Authorization": f"Bearer {live.token('org_acme')}"} if has_token else {}
    sent = (body[start : start + 100_000] for start in range(0, len(body), 100_000)) if chunked else body
    connection.request(method, path, body=sent, headers=headers | token, encode_chunked=chunked)
    response = connection.getresponse()
    return Answer(response.status, dict(response.getheaders()), response.read())


in_both_framings = pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])


@in_both_framings
@pytest.mark.parametrize("request_and_answer", REFUSALS.values(), ids=list(REFUSALS))
def test_a_refusal_is_seen_by_whoever_sends_a_large_body(live, request_and_answer, chunked):
    method, path, headers, has_token, refused = request_and_answer
    with closing(connected(live)) as connection:
        first = ask(connection, live, method, path, headers, has_token, LARGE, chunked)
        second = ask(connection, live, "GET", "/livez", {}, False, b"", chunked=False)

    assert problem(first) == refused
    assert (second.status, second.json) == (200, {"status": "alive"})


@in_both_framings
@pytest.mark.parametrize("request_", ACCEPTED.values(), ids=list(ACCEPTED))
def test_a_body_where_none_belongs_holds_up_no_answer(live, request_, chunked):
    with closing(connected(live)) as connection:
        row = [ask(connection, live, *request_, LARGE, chunked).status for _ in range(3)]

    assert row == [200, 200, 200]


@in_both_framings
@pytest.mark.parametrize(("path", "status"), [("/vault/v1/kv", 413), ("/nowhere", 404)])
def test_a_refusal_is_seen_by_whoever_sends_thrice_what_is_allowed(live, path, status, chunked):
    with closing(connected(live)) as connection:
        answer = ask(connection, live, "POST", path, JSON, True, OVER_THE_LIMIT, chunked)

    assert problem(answer)[0] == status


def test_a_body_without_an_end_ends_its_connection_after_the_answer(live):
    head = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    (answer,) = answers(exchange(live, head + b"5\r\nhello\r\n"))

    assert problem(answer) == (404, "route_not_found")


@contextmanager
def received(head, sent, pause_s):
    """The environment of a request whose sender repeats a piece of its body for five seconds, or until the block ends."""
    here, there = socket.socketpair()
    enough = threading.Event()

    def send():
        until = time.monotonic() + 5
        with suppress(OSError):
            while time.monotonic() < until and not enough.wait(pause_s):
                there.sendall(sent)
        there.close()

    there.sendall(head)
    request = next(get_parser(Config(), here, ("127.0.0.1", 1)))
    environ = default_environ(request, here, Config()) | {
        {"CONTENT-LENGTH": "CONTENT_LENGTH"}.get(name, f"HTTP_{name.replace('-', '_')}"): value
        for name, value in request.headers
    }
    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield environ
    finally:
        enough.set()
        here.close()
        sender.join()


ENDLESS = {
    "a byte now and then": (b"Content-Length: 5000000", b"x", 0.02),
    "chunks now and then": (b"Transfer-Encoding: chunked", b"1\r\nx\r\n", 0.02),
    "parts of a chunk now and then": (b"Transfer-Encoding: chunked\r\nX: y", b"0", 0.02),
}


@pytest.mark.parametrize(("framing", "sent", "pause_s"), ENDLESS.values(), ids=list(ENDLESS))
def test_a_body_that_drips_is_read_away_for_a_while_only(monkeypatch, framing, sent, pause_s):
    monkeypatch.setattr("sealring.http.bodies._DISCARD_S", 0.2)
    with received(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n", sent, pause_s) as environ:
        environ["gunicorn.socket"].settimeout(60.0)
        began = time.monotonic()

        Bodies(1000).discard(environ)

        assert time.monotonic() - began < 3
        assert environ["wsgi.input"].failed  # by which gunicorn ends the connection
        assert environ["gunicorn.socket"].gettimeout() == 60.0


@pytest.mark.parametrize(("framing", "sent", "pause_s"), ENDLESS.values(), ids=list(ENDLESS))
def test_a_body_that_drips_is_read_for_a_while_only(monkeypatch, framing, sent, pause_s):
    monkeypatch.setattr("sealring.http.bodies.BODY_S", 0.2)
    with received(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n", sent, pause_s) as environ:
        environ["gunicorn.socket"].settimeout(60.0)
        environ["wsgi.input_terminated"] = True
        began = time.monotonic()

        with pytest.raises(RequestTimeout):
            Bodies(10_000_000).read(environ)
        Bodies(10_000_000).discard(environ)

        assert time.monotonic() - began < 1.5  # and nothing more is read of it
        assert environ["wsgi.input"].failed
        assert environ["gunicorn.socket"].gettimeout() == 60.0


def test_a_body_over_the_bound_ends_its_connection(monkeypatch):
    monkeypatch.setattr("sealring.http.bodies._DISCARD_BYTES", 1 << 20)
    with received(b"POST / HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n", b"x" * 100_000, 0) as environ:
        Bodies(1000).discard(environ)

        assert environ["wsgi.input"].failed


def test_what_cannot_be_read_is_not_taken_for_read():
    with received(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"x", 0.02) as environ:
        with suppress(Exception):
            environ["wsgi.input"].read(1)

        Bodies(1000).discard(environ)

        assert environ["wsgi.input"].failed
