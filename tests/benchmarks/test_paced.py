"""Requests at a steady pace: what they hold, and that time counts from when they were due."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from failures import BenchmarkFailed
from load import Request
from paced import all_of, at_pace

TOKEN = ("X-Token", "t")


@contextmanager
def serving(answer):
    """A server that answers each request with what `answer` makes of its path and its body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, text = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_each_request_has_a_serial_of_its_own_and_the_version_that_was_answered():
    seen = []

    def answer(path, body):
        seen.append((path, body))
        return 200, json.dumps({"version_id": f"v{len(seen)}"}, separators=(",", ":"))

    with serving(answer) as url:
        at_pace(url, [Request("POST", "/@serial@", TOKEN, "@version@", "v0")], 50, 0.1, 1)

    assert len({path for path, _ in seen}) == 5
    assert [body for _, body in seen] == ["v0", "v1", "v2", "v3", "v4"]


def test_a_version_that_is_a_number_grows():
    seen = []

    def answer(_path, body):
        seen.append(body)
        return 200, "{}"

    with serving(answer) as url:
        at_pace(url, [Request("POST", "/", TOKEN, "@version@", "7")], 50, 0.06, 1)

    assert seen == ["7", "8", "9"]


def test_what_waits_for_a_connection_takes_longer():
    """The first answer takes as long as five requests: those after it were due meanwhile."""
    slow = threading.Event()

    def answer(_path, _body):
        slow.wait(0.1)
        slow.set()
        return 200, "{}"

    with serving(answer) as url:
        played = at_pace(url, [Request("POST", "/", TOKEN)], 50, 0.2, 1)

    assert len(played.seconds) == 10
    assert played.seconds[0] > 0.09
    assert played.seconds[1] > 0.05


def test_all_of_a_plan_are_played_once():
    with serving(lambda path, _body: (201, path)) as url:
        played = all_of(url, [Request("POST", f"/{number}", TOKEN) for number in range(20)], 4)

    assert sorted(played.bodies) == sorted(f"/{number}".encode() for number in range(20))


def test_a_server_that_refuses_is_not_measured():
    with serving(lambda _path, _body: (503, "")) as url, pytest.raises(BenchmarkFailed):
        at_pace(url, [Request("POST", "/", TOKEN)], 100, 0.1, 2)
