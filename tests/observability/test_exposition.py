"""The format that a scraper gets, whatever it asks for."""

import socket
import subprocess
import sys

import pytest

from sealring.observability.book import Book
from sealring.observability.exposition import exposition

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
ODD = [
    "application/openmetrics-text; version=abc",
    "application/openmetrics-text; version=1..0",
    "application/openmetrics-text; version=\u00b2.0.0",
    "application/openmetrics-text; version=1.0.\u00a00",
    "application/openmetrics-text; version=99999999999999999999.0",
    "application/openmetrics-text; version=1.0.0; version=2.0.0",
    "text/plain; version=x",
    ";;;,=,;=",
]


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        "text/plain, Application/OpenMetrics-Text; version=1.0.0",
    ],
)
def test_a_scraper_that_asks_for_openmetrics_gets_it(accept):
    body, media_type = exposition([{}], accept)

    assert media_type == OPENMETRICS
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/plain; version=1.0.0", *ODD])
def test_any_other_request_gets_the_text_format(accept):
    assert exposition([{}], accept)[1] == PLAIN


def test_odd_requests_are_answered_and_log_nothing():
    book, listener = Book.new(), socket.create_server(("127.0.0.1", 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "sealring.server.metrics_process", str(listener.fileno()), str(book.descriptor)],
        pass_fds=(listener.fileno(), book.descriptor),
        stderr=subprocess.PIPE,
    )
    try:
        answers = [answer(listener.getsockname()[1], each) for each in ODD]
    finally:
        process.terminate()
        said = process.communicate(timeout=20)[1]
        listener.close()

    assert [each[:12] for each in answers] == [b"HTTP/1.1 200"] * len(ODD)
    assert said == b""


def answer(port, accept):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: " + accept.encode("latin-1") + b"\r\n\r\n")
        return client.recv(100)
