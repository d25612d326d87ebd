"""A client with one connection that does nothing but read an object, and how long that takes."""

import http.client
import threading
import time

from support.asking import connection_to
from support.live import LiveServer


def object_of(server: LiveServer, org: str) -> str:
    """Return the path of a new object."""
    body = {"name": "name", "value": "v", "key_context": {"organization_id": org}}
    made = server.ask("POST", "/vault/v1/kv", token=server.token(org), body=body)
    assert made.status == 201, made
    return f"/vault/v1/kv/{made.json['id']}"


def times_of_reads(server: LiveServer, path: str, token: str, seconds: float, per_second: int = 30) -> list[float]:
    """In seconds; each read has to be answered."""
    return times_over(connection_to(server.url), path, token, seconds, per_second)


def times_over(
    connection: http.client.HTTPConnection, path: str, token: str, seconds: float, per_second: int
) -> list[float]:
    """Likewise, over a connection that is closed at the end."""
    took, until = [], time.monotonic() + seconds
    pace = threading.Event()
    while time.monotonic() < until:
        began = time.monotonic()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        took.append(time.monotonic() - began)
        pace.wait(1 / per_second)
    connection.close()
    return took


def p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


def address(server: LiveServer) -> tuple[str, int]:
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)
