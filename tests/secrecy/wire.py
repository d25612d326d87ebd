"""Requests that no HTTP client would send, and the one shape that every refusal has."""

import re
import select
import socket
from contextlib import suppress

from support.asking import Fields
from support.live import Answer, LiveServer


def exchange(live: LiveServer, *sent: bytes) -> bytes:
    """Send pieces as they are, and no more; return all that comes back until the server closes or resets."""
    host, port = live.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        with suppress(ConnectionError):
            for piece in sent:
                connection.sendall(piece)
                if piece is not sent[-1]:
                    select.select([connection], [], [], 0.1)  # so that they arrive one by one
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while chunk := connection.recv(65536):
                received += chunk
    return received


def answers(received: bytes) -> list[Answer]:
    """The answers in what came back over one connection."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = Fields(dict(line.split(": ", 1) for line in lines))
        length = int(headers.get("Content-Length", "0"))
        found.append(Answer(int(status_line.split()[1]), headers, rest[:length]))
        received = rest[length:]
    return found


def problem(answer: Answer) -> tuple[int, str]:
    """Check that an answer has the shape of a refusal; return its status and code."""
    assert answer.headers["Content-Type"] == "application/json", answer.raw
    members = answer.json
    listed = members.get("errors", [{"code": "", "field": "", "message": ""}])
    assert members.keys() - {"errors", "param"} == {"error", "message", "code", "request_id", "doc_url"}
    assert members["doc_url"] == f"/docs/errors#{members['code']}"
    assert re.fullmatch(r"[A-Za-z_-]{1,32}|\(unknown\)", members.get("param", "none"))
    assert members["error"] == members["message"]
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", members["request_id"])
    assert members["request_id"] == answer.headers["X-Request-ID"]
    assert listed  # the Node SDK takes even an empty list for the message
    assert all(each.keys() == {"code", "field", "message"} for each in listed)
    assert re.search(rb"Traceback|<html|File \"|\.py\b", answer.raw) is None
    return answer.status, members["code"]
