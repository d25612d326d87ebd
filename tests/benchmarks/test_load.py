"""A server under load that refuses some requests is measured, up to what it may refuse."""

import os
import shutil
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest
from failures import BenchmarkFailed
from load import Effort, Request, measure

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


class Peer:
    """Answers, but for every `refusing`th request."""

    name = "peer"
    pid = os.getpid()

    def __init__(self, port, may_refuse):
        self.url = f"http://127.0.0.1:{port}"
        self.may_refuse = may_refuse

    def plan(self, operation):
        return [Request("GET", f"/{operation}", ("X-Token", "t"))]

    def store_cpu_us(self):
        return 0

    def explain(self, request):
        return f"200 {request.path}"

    def settle(self):
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """wrk cuts its connections off at the end."""


@contextmanager
def peer(*, refusing, may_refuse):
    numbers = count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(503 if next(numbers) % refusing == 0 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with Quiet(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Peer(server.server_address[1], may_refuse)
        server.shutdown()
        thread.join()


EFFORT = Effort(connections=2, seconds=1, warm_up_s=0)


def test_a_peer_that_refuses_a_request_now_and_then_is_measured_and_the_refusals_counted(tmp_path):
    with peer(refusing=25, may_refuse=0.1) as target:
        sample = measure(target, "read", EFFORT, tmp_path)

    assert sample.refused > 0
    assert 0.03 < sample.refused / (sample.requests + sample.refused) < 0.05


@pytest.mark.parametrize("may_refuse", [0.0, 0.01])
def test_one_that_refuses_more_is_not(tmp_path, may_refuse):
    with (
        peer(refusing=25, may_refuse=may_refuse) as target,
        pytest.raises(
            BenchmarkFailed, match=r"^peer, read: .* requests were refused, [0-9]+ lost; [01]% may be\. One such"
        ),
    ):
        measure(target, "read", EFFORT, tmp_path)
