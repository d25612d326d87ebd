"""Requests with exactly the headers that a test writes."""

from secrecy.wire import answers, exchange


def get(live, *headers, target=b"/vault/v1/kv"):
    """One GET with exactly these headers."""
    lines = b"".join(header.encode() + b"\r\n" for header in ("Host: x", *headers))
    (answer,) = answers(exchange(live, b"GET " + target + b" HTTP/1.1\r\n" + lines + b"\r\n"))
    return answer
