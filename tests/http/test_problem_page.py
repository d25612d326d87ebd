"""Refusals for people: a browser gets a page, and everything else the JSON."""

import io

import pytest

from sealring.http.problem_page import HEADERS
from support.make import limiter
from support.served import served

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def asked(method="GET", **headers):
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": "/nothing",
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(),
        "HTTP_X_REQUEST_ID": "request-1",
        **{f"HTTP_{name}": value for name, value in headers.items()},
    }
    said = []
    body = b"".join(served([], limiter()).wsgi_app(environ, lambda *line: said.append(line)))
    (status, fields), *_ = said
    return status, dict(fields), body.decode()


def test_a_browser_gets_a_page():
    status, fields, page = asked(ACCEPT=BROWSER)

    assert status == "404 Not Found"
    assert fields["Content-Type"] == "text/html; charset=utf-8"
    assert fields.items() >= dict(HEADERS).items()
    assert '<a href="/docs/errors#route_not_found"><code>route_not_found</code></a>' in page
    assert "<code>request-1</code>" in page


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/plain, */*"])
def test_everything_else_gets_json(accept):
    _, fields, body = asked(**({} if accept is None else {"ACCEPT": accept}))

    assert fields["Content-Type"] == "application/json"
    assert body.startswith('{"error":')


def test_what_is_sent_and_not_asked_for_gets_json():
    assert asked("POST", ACCEPT=BROWSER)[1]["Content-Type"] == "application/json"
