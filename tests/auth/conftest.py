import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from auth.key_set_kit import OLD, Fetch
from auth.kit import SetClock
from auth.review_kit import Cluster, Lines
from sealring.auth.key_set_log import Told
from sealring.auth.token_reviews import TokenReviews
from support.api_server import ISSUER


class Issuer:
    """An identity provider on a loopback port that answers every request with `status`, `headers` and `body`."""

    def __init__(self):
        self.status = 200
        self.headers = {}
        self.body = b"{}"
        self.requests = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/jwks"

    def __enter__(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *failure):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _handler(self):
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests.append((self.path, dict(self.headers)))
                self.send_response(issuer.status)
                for name, value in {"Content-Length": str(len(issuer.body)), **issuer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(issuer.body)

            def log_message(self, *arguments):
                pass

        return Handler


@pytest.fixture
def issuer(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def fetch():
    fetch = Fetch()
    yield fetch
    fetch.answer = OLD
    fetch.gate.set()


# --- of token reviews


@pytest.fixture
def told():
    return Lines()


@pytest.fixture
def said():
    cluster = Cluster()
    yield cluster
    cluster.answers.set()


@pytest.fixture
def clock():
    """A clock for ages; waits end by the true one."""
    return SetClock(1_000.0)


@pytest.fixture
def reviews(said, told, clock):
    return TokenReviews(said.accepts, Told(told, ISSUER), "api:6443", 16, clock=clock)
