"""Answers at the WSGI door: what each of them carries, and what none does."""

import pytest

from sealring.admission.replies import Reply
from sealring.http.bodies import Bodies
from sealring.http.wsgi import WsgiRequest, send


def sent(reply, method="GET"):
    """The status, the headers and the body that a server is handed."""
    said = []
    request = WsgiRequest({"REQUEST_METHOD": method}, Bodies(1000))
    body = send(reply, request, lambda *head: said.append(head), "request-1")
    ((status, headers),) = said
    return status, dict(headers), b"".join(body)


def test_an_answer_is_json_that_nobody_keeps():
    assert sent(Reply.json(201, {"a": 1})) == (
        "201 Created",
        {
            "Content-Type": "application/json",
            "Content-Length": "7",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Request-ID": "request-1",
        },
        b'{"a":1}',
    )


@pytest.mark.parametrize("reply", [Reply.json(200, {"a": 1}), Reply.problem(404, "not_found", "No.", "request-1")])
def test_an_answer_to_head_has_the_headers_of_the_one_to_get_and_no_body(reply):
    status, headers, body = sent(reply, "HEAD")

    assert (status, headers) == sent(reply)[:2]
    assert body == b""


def test_a_refusal_says_how_to_go_on():
    assert sent(Reply.problem(401, "unauthenticated", "No.", "request-1"))[1]["WWW-Authenticate"] == "Bearer"
    assert sent(Reply.problem(503, "unavailable", "No.", "request-1"))[1]["Retry-After"] == "1"
