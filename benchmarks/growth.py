"""Growth: what a request costs with more connections, workers and organizations, and with larger values.

A worker works on 256 requests at once and refuses more, so no more than that ask: all other connections are idle.
"""

import json
import resource
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import paced
from load import Effort, Request, measure
from processes import Cores
from report import progress, table
from servers import Client, Sealring, initialise, serving

from sealring.operator.embedded import EmbeddedValkey

CONNECTIONS = (16, 64, 256, 1024, 4096)
WORKERS = (1, 2)
VALUES = (32, 1 << 10, 32 << 10, 256 << 10, 1 << 20)  # bytes
ORGANIZATIONS = (1, 100, 10_000, 100_000)
OBJECTS = 1_000  # that are read and written
ACTIVE = 64  # connections that ask, or all if there are fewer; the others are kept, and ask nothing

_KV = "/vault/v1/kv"


class Grown:
    """A server with objects in some organizations, one in each if they are many, and a token for all of them."""

    name = "sealring"
    may_refuse = 0.0

    def __init__(self, server: Sealring, organizations: int, value_bytes: int) -> None:
        self.url = f"http://127.0.0.1:{server.port}"
        self.pid = server.process.pid
        self._store = server.store
        self._client = Client(server.port)
        self._token = ("Authorization", f"Bearer {server.token(None)}")
        self._value = "x" * value_bytes
        made = paced.all_of(self.url, [self._new(n, organizations) for n in range(max(organizations, OBJECTS))], 16)
        self._ids = [json.loads(body)["id"] for body in made.bodies]

    def plan(self, operation: str) -> Sequence[Request]:
        step = max(1, len(self._ids) // OBJECTS)
        chosen = self._ids[::step]
        if operation == "read":
            return [Request("GET", f"{_KV}/{each}", self._token) for each in chosen]
        body = json.dumps({"value": self._value})
        return [Request("PUT", f"{_KV}/{each}", self._token, body) for each in chosen]

    def store_cpu_us(self) -> int:
        used = self._store.info("cpu")
        return int((used["used_cpu_user"] + used["used_cpu_sys"]) * 1e6)

    def explain(self, request: Request) -> str:
        status, answer = self._client.ask(request.method, request.path, dict([request.token]), request.body or None)
        return f"{status} {answer}"

    def settle(self) -> None:
        """Nothing is left behind."""

    def _new(self, number: int, organizations: int) -> Request:
        org = f"org_{number % organizations:022d}"
        body = {"name": f"grown {number}", "value": self._value, "key_context": {"organization_id": org}}
        return Request("POST", _KV, self._token, json.dumps(body))


def run(folder: Path, cores: Cores, effort: Effort, rounds: int) -> list[dict[str, Any]]:
    """Measure one thing after the other, print a table, and return its rows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # of what is started, too
    rows = []
    for organizations in ORGANIZATIONS:
        with _grown(folder / f"organizations{organizations}", cores, organizations) as target:
            rows.append(_row("organizations", organizations, target, effort, rounds, folder))
            if organizations == 100:
                for connections in CONNECTIONS:
                    more = Effort(min(connections, ACTIVE), effort.seconds, effort.warm_up_s)
                    with _idle(target.url, connections - more.connections):
                        rows.append(_row("connections", connections, target, more, rounds, folder))
    for workers in WORKERS:
        with _grown(folder / f"workers{workers}", cores, 100, workers=workers) as target:
            rows.append(_row("workers, on one core", workers, target, effort, rounds, folder))
    for size in VALUES:
        with _grown(folder / f"value{size}", cores, 100, value_bytes=size) as target:
            rows.append(_row("bytes of a value", size, target, effort, rounds, folder))
    print(f"\n{effort.connections} connections, 32 bytes, one worker, 100 organizations, if a row says nothing else;")
    print(f"medians of {rounds} samples\n")
    print(table(_HEAD, [_shown(row) for row in rows]))
    return rows


_HEAD = ("", "", "read: CPU µs", "store µs", "p50 ms", "p99 ms", "update: CPU µs", "store µs", "p50 ms", "p99 ms")
_PARTS = ("cpu_us", "store_us", "p50_ms", "p99_ms")


@contextmanager
def _grown(
    folder: Path, cores: Cores, organizations: int, *, workers: int = 1, value_bytes: int = 32
) -> Iterator[Grown]:
    folder.mkdir()
    with EmbeddedValkey(folder) as valkey:
        initialise(folder, valkey.url, "local")
        with serving(folder, valkey.url, cores, workers) as server:
            progress(f"making {organizations:,} organizations with an object of {value_bytes:,} bytes each")
            yield Grown(server, organizations, value_bytes)


@contextmanager
def _idle(url: str, count: int) -> Iterator[None]:
    """Keep connections that have asked once."""
    address = urlsplit(url)
    with ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=30))
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.recv(4096)
        yield


def _row(  # noqa: PLR0913, PLR0917  what one row is of
    what: str, number: int, target: Grown, effort: Effort, rounds: int, folder: Path
) -> dict[str, Any]:
    progress(f"{what}: {number:,}")
    found = {
        operation: [measure(target, operation, effort, folder) for _ in range(rounds)]
        for operation in ("read", "update")
    }
    return {
        "what": what,
        "number": number,
        **{
            f"{operation}_{part}": median(getattr(each, part) for each in samples)
            for operation, samples in found.items()
            for part in _PARTS
        },
    }


def _shown(row: dict[str, Any]) -> tuple[str, ...]:
    figures = (f"{row[f'{operation}_{part}']:,.{0 if part.endswith('us') else 1}f}"
               for operation in ("read", "update") for part in _PARTS)  # fmt: skip
    return (row["what"], f"{row['number']:,}", *figures)
