"""Connections: nobody's bytes become somebody's request, and what the HTTP server itself refuses looks like the rest."""

import pytest

from secrecy.wire import answers, exchange, problem


@pytest.fixture(params=["loop", "threads"])
def live(request, on_loop, live_with_threads):
    """Each kind of worker reads bodies in its own way."""
    return on_loop if request.param == "loop" else live_with_threads


NEXT = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-ID: the-next-one\r\nConnection: close\r\n\r\n"
SMUGGLED = b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Request-ID: smuggled\r\n\r\n"


def head(live, line, *headers, token=True):
    lines = [line, "Host: x", *headers]
    if token:
        lines.append(f"Authorization: Bearer {live.token('org_acme')}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def in_chunks(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def post(live, body, *headers, path="/vault/v1/kv", token=True):
    length = f"Content-Length: {len(body)}"
    return head(live, f"POST {path} HTTP/1.1", "Content-Type: application/json", length, *headers, token=token) + body


def post_in_chunks(live, body, *headers, path="/vault/v1/kv", token=True):
    kind = "Content-Type: application/json"
    coding = "Transfer-Encoding: chunked"
    return head(live, f"POST {path} HTTP/1.1", kind, coding, *headers, token=token) + in_chunks(body)


SMALL, LARGE = SMUGGLED * 3, SMUGGLED * 3_000  # the large one is over what gunicorn throws away, 64 KiB

REFUSED = {
    "401": (lambda live, send, body: send(live, body, token=False), 401),
    "400 for two tokens": (lambda live, send, body: send(live, body, "Authorization: Bearer x"), 400),
    "400 for the body": (lambda live, send, body: send(live, body), 400),
    "404": (lambda live, send, body: send(live, body, path="/nowhere"), 404),
    "405": (lambda live, send, body: send(live, body, path="/livez"), 405),
}


@pytest.mark.parametrize("send", [post, post_in_chunks])
@pytest.mark.parametrize(("refused", "status"), REFUSED.values(), ids=list(REFUSED))
def test_a_small_body_of_a_refused_request_is_not_taken_for_the_next_request(live, send, refused, status):
    received = answers(exchange(live, refused(live, send, SMALL) + NEXT))

    assert [answer.status for answer in received] == [status, 200]
    assert received[1].headers["X-Request-ID"] == "the-next-one"


@pytest.mark.parametrize("send", [post, post_in_chunks])
@pytest.mark.parametrize(("refused", "status"), REFUSED.values(), ids=list(REFUSED))
def test_a_large_body_of_a_refused_request_is_not_taken_for_the_next_request(live, send, refused, status):
    received = answers(exchange(live, refused(live, send, LARGE) + NEXT))

    assert received[0].status == status
    assert [answer.headers["X-Request-ID"] for answer in received[1:]] == ["the-next-one"]


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_where_none_belongs_is_not_taken_for_the_next_request(live, method, body):
    request = head(live, f"{method} /vault/v1/kv/x HTTP/1.1", f"Content-Length: {len(body)}") + body

    received = answers(exchange(live, request + NEXT))

    assert received[0].status == 404
    assert [answer.headers["X-Request-ID"] for answer in received[1:]] == ["the-next-one"]


@pytest.mark.parametrize("send", [post, post_in_chunks])
def test_a_body_over_the_limit_is_not_taken_for_the_next_request(live, send):
    body = SMUGGLED.ljust(100) * 63_600

    received = answers(exchange(live, send(live, body) + NEXT))

    assert problem(received[0]) == (413, "payload_too_large")
    assert [answer.headers["X-Request-ID"] for answer in received[1:]] == ["the-next-one"]


def test_a_refusal_reaches_a_client_that_sends_a_whole_body_of_allowed_size(live):
    answer = live.ask("POST", "/vault/v1/kv", raw_body=b" " * 6_000_000)

    assert problem(answer) == (401, "unauthenticated")


def test_requests_in_a_row_are_answered_in_order(live):
    row = head(live, "GET /vault/v1/kv?limit=1 HTTP/1.1") + post(live, b"{}") + SMUGGLED + NEXT

    received = answers(exchange(live, row))

    assert [answer.status for answer in received] == [200, 422, 200, 200]


BROKEN_BODIES = {
    "no chunk size": ("Transfer-Encoding: chunked", b"zz\r\n{}\r\n0\r\n\r\n"),
    "negative chunk size": ("Transfer-Encoding: chunked", b"-2\r\n{}\r\n0\r\n\r\n"),
    "chunk size with 0x": ("Transfer-Encoding: chunked", b"0x2\r\n{}\r\n0\r\n\r\n"),
    "short chunk": ("Transfer-Encoding: chunked", b"5\r\n{}\r\n0\r\n\r\n"),
    "long chunk": ("Transfer-Encoding: chunked", b"1\r\n{}\r\n0\r\n\r\n"),
    "cut in a chunk": ("Transfer-Encoding: chunked", b"ff\r\n{"),
    "no last chunk": ("Transfer-Encoding: chunked", b"2\r\n{}\r\n"),
    "shorter than declared": ("Content-Length: 50", b'{"name":"x"}'),
}


@pytest.mark.parametrize(("framing", "body"), BROKEN_BODIES.values(), ids=list(BROKEN_BODIES))
def test_a_broken_body_is_malformed_and_ends_the_connection(live, framing, body):
    request = head(live, "POST /vault/v1/kv HTTP/1.1", "Content-Type: application/json", framing) + body

    received = answers(exchange(live, request))

    assert [problem(answer) for answer in received] == [(400, "malformed_request")]


@pytest.mark.parametrize(
    "body", [b"zz\r\n", b"-2\r\n{}\r\n0\r\n\r\n", b"2 \r\n{}\r\n0\r\n\r\n", b"1\r\n{}\r\n0\r\n\r\n"]
)
def test_nothing_after_a_broken_body_is_taken_for_a_request(live, body):
    request = head(live, "POST /vault/v1/kv HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked")

    received = answers(exchange(live, request + body + SMUGGLED))

    assert [answer.headers.get("X-Request-ID") for answer in received if answer.status == 200] == []


AMBIGUOUS = {
    "two lengths": ("Content-Length: 0", f"Content-Length: {len(SMUGGLED)}"),
    "two lengths in one": (f"Content-Length: 0, {len(SMUGGLED)}",),
    "signed length": ("Content-Length: +0",),
    "negative length": ("Content-Length: -1",),
    "hexadecimal length": ("Content-Length: 0x0",),
    "length and chunks": ("Content-Length: 0", "Transfer-Encoding: chunked"),
    "chunks and length": ("Transfer-Encoding: chunked", "Content-Length: 0"),
    "unknown coding": ("Transfer-Encoding: xchunked",),
    "chunked not last": ("Transfer-Encoding: chunked, identity",),
    "chunked twice": ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "blank before the colon": ("Transfer-Encoding : chunked",),
    "folded": ("X-Fold: x", " Transfer-Encoding: chunked"),
}


@pytest.mark.parametrize("headers", AMBIGUOUS.values(), ids=list(AMBIGUOUS))
def test_a_request_without_one_clear_end_is_refused_and_ends_the_connection(live, headers):
    request = head(live, "POST /vault/v1/kv HTTP/1.1", "Content-Type: application/json", *headers)

    received = answers(exchange(live, request + SMUGGLED))

    assert [answer.status for answer in received] in ([400], [501])


UNREADABLE = {
    "431": (b"GET /livez HTTP/1.1\r\nX: " + b"x" * 8_200 + b"\r\n\r\n", 431),
    "431 for 65 headers": (b"GET /livez HTTP/1.1\r\n" + b"X-Y: z\r\n" * 65 + b"\r\n", 431),
    "414": (b"GET /" + b"x" * 8_200 + b" HTTP/1.1\r\n\r\n", 414),
    "no request": (b"hello\r\n\r\n", 400),
    "method in small letters": (b"get /livez HTTP/1.1\r\n\r\n", 400),
    "another version": (b"GET /livez HTTP/9.9\r\n\r\n", 400),
    "header without a colon": (b"GET /livez HTTP/1.1\r\nAuthorization Bearer x\r\n\r\n", 400),
    "control in a header": (b"GET /livez HTTP/1.1\r\nAuthorization: Bearer \x01\r\n\r\n", 400),
    "bytes in the path": (b"GET /vault/v1/kv/name/\xc3\xa9 HTTP/1.1\r\n\r\n", 400),
    "two lengths": (b"POST /livez HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "unknown coding": (b"POST /livez HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n", 501),
}


@pytest.mark.parametrize(("request_bytes", "status"), UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_the_http_server_refuses_has_the_shape_of_every_refusal(live, request_bytes, status):
    (answer,) = answers(exchange(live, request_bytes))

    assert answer.status == status
    assert problem(answer)[0] == status


def test_no_other_protocol_is_spoken(live):
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")

    received = exchange(live, head(live, "GET /livez HTTP/1.1", *upgrade))

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_upgrade_that_a_client_offers_takes_nothing_of_its_body(live, chunked, in_pieces):
    """Java's client offers HTTP/2 with its first request, whatever that is."""
    body = b'{"name": "%d-%d", "value": "v", "key_context": {"organization_id": "org_upgrade"}}' % (chunked, in_pieces)
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    token = f"Authorization: Bearer {live.token('org_upgrade')}"
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    request = head(
        live, "POST /vault/v1/kv HTTP/1.1", token, "Content-Type: application/json", framing, *upgrade, token=False
    )
    sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if chunked else body

    pieces = (request, sent[:20], sent[20:]) if in_pieces else (request + sent,)
    (answer,) = answers(exchange(live, *pieces))

    assert answer.status == 201


def test_what_follows_an_offered_upgrade_is_no_request(live):
    """It may be of the other protocol."""
    upgrade = ("Connection: Upgrade", "Upgrade: h2c")

    received = answers(exchange(live, head(live, "GET /livez HTTP/1.1", *upgrade) + head(live, "GET /livez HTTP/1.1")))

    assert len(received) in {1, 2}  # with threads, nobody looks at the offer
    assert {answer.status for answer in received} == {200}


def test_a_head_request_has_the_headers_of_a_get_and_no_body(live):
    token = live.token("org_acme")

    got, headed = (live.ask(method, "/vault/v1/kv/x", token=token) for method in ("GET", "HEAD"))

    assert headed.raw == b""
    assert (headed.status, headed.headers["Content-Length"]) == (404, got.headers["Content-Length"])
