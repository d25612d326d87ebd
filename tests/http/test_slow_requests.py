"""Requests that arrive slowly, and answers that are not read: they keep nobody else waiting for long.

None of them needs a token. What a worker has is sixteen threads; here it has two, and shorter deadlines.
"""

import select
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from sealring.operator.embedded import EmbeddedValkey
from secrecy.wire import answers, problem
from support.live import serving
from support.waiting import becomes_true

CONFIG = """
from sealring.server.serving import *
import sealring.http.bodies, sealring.server.deadlines

sealring.server.deadlines.HEAD_S = sealring.http.bodies.BODY_S = 2.0
sealring.server.deadlines.EXCHANGE_S = 6.0
"""
SOON_S = 20.0  # two rounds of deadlines, and what a busy machine takes
THREADS = 2


@pytest.fixture(scope="module", params=["loop", "threads"])
def patient(request, tmp_path_factory):
    """A server of one worker."""
    folder = tmp_path_factory.mktemp("slow")
    config = folder / "gunicorn.conf.py"
    config.write_text(CONFIG)
    with (
        EmbeddedValkey(folder) as store,
        serving(folder, store.url, workers=1, threads=THREADS, gunicorn_config=config, worker=request.param) as live,
    ):
        yield live


def address(live):
    host, port = live.url.removeprefix("http://").split(":")
    return host, int(port)


def connected(live):
    return socket.create_connection(address(live), timeout=20)


def head(live, *lines):
    token = f"Authorization: Bearer {live.token('org_acme')}"
    return "\r\n".join(("POST /vault/v1/kv HTTP/1.1", "Host: x", token, *lines)).encode() + b"\r\n\r\n"


KIND = "Content-Type: application/json"
SLOW = {
    "half a request line": (lambda live: b"GET /live", b"x"),
    "half a header block": (lambda live: b"GET /livez HTTP/1.1\r\nX: ", b"x"),
    "half a body": (lambda live: head(live, KIND, "Content-Length: 1000000"), b" "),
    "an endless chunked body": (lambda live: head(live, KIND, "Transfer-Encoding: chunked"), b"1\r\n \r\n"),
}


def dripped(slow, drip, until):
    """Send a little every tenth of a second, and return what comes back from each, until all are closed or time is up."""
    received = dict.fromkeys(slow, b"")
    still = set(slow)
    while still and time.monotonic() < until:
        readable, _, _ = select.select(still, [], [], 0.1)
        for each in still - set(readable):
            with suppress(OSError):
                each.send(drip)
        for each in readable:
            with suppress(OSError):
                if chunk := each.recv(65_536):
                    received[each] += chunk
                    continue
            still.discard(each)
    assert not still
    return received.values()


@pytest.mark.parametrize(("begun", "drip"), SLOW.values(), ids=list(SLOW))
def test_a_request_that_does_not_end_is_408_and_the_end_of_its_connection(patient, begun, drip):
    """Twice as many as there are threads: those that wait for one have their time too."""
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(patient)) for _ in range(2 * THREADS)]
        for each in slow:
            each.sendall(begun(patient))

        received = dripped(slow, drip, time.monotonic() + SOON_S)

    assert [[problem(answer) for answer in answers(each)] for each in received] == [[(408, "request_timeout")]] * 4
    assert patient.ask("GET", "/livez").status == 200


def test_a_body_that_drips_after_its_refusal_keeps_no_thread(patient):
    kind = b"POST /vault/v1/kv HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(patient)) for _ in range(2 * THREADS)]
        for each in slow:
            each.sendall(kind + b"Content-Length: 1000000\r\n\r\n")

        received = dripped(slow, b" ", time.monotonic() + SOON_S)

    assert [[problem(answer) for answer in answers(each)] for each in received] == [[(401, "unauthenticated")]] * 4
    assert patient.ask("GET", "/livez").status == 200


def test_an_answer_that_is_not_read_keeps_no_thread(patient):
    """It is larger than what lies in buffers on the way."""
    with ExitStack() as stack:
        deaf = [stack.enter_context(socket.socket()) for _ in range(2 * THREADS)]
        for each in deaf:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            each.connect(address(patient))
            each.sendall(b"GET /docs/rapidoc-min.js HTTP/1.1\r\nHost: x\r\n\r\n" * 30)

        assert becomes_true(lambda: all(is_closed(each) for each in deaf))
        assert patient.ask("GET", "/livez").status == 200


def is_closed(connection):
    try:
        connection.send(b" ")
    except OSError:
        return True
    return False


def test_clients_that_never_close_keep_nobody_from_being_heard(patient):
    """They asked for the end of the connection; gunicorn would wait two seconds for each, and accept nobody meanwhile."""
    with ExitStack() as stack:
        for _ in range(20):
            left = stack.enter_context(connected(patient))
            left.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        began = time.monotonic()

        assert {patient.ask("GET", "/livez").status for _ in range(20)} == {200}

        assert time.monotonic() - began < 20
