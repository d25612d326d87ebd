"""Requests at a steady pace, whatever the answers take: how long each took, from the moment at which it was due."""

import asyncio
import itertools
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from failures import BenchmarkFailed
from load import Request

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CHUNKED = b"transfer-encoding: chunked"
_VERSION = re.compile(rb'"version_id":"([^"]+)"')


@dataclass
class Played:
    """What became of requests."""

    seconds: list[float] = field(default_factory=list)  # of those that were answered well
    bodies: list[bytes] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)  # by what was answered

    def at(self, share: float) -> float:
        """Return a quantile in milliseconds."""
        return sorted(self.seconds)[int(len(self.seconds) * share)] * 1000


def at_pace(url: str, plan: Sequence[Request], rate: float, seconds: float, connections: int) -> Played:
    """Play the requests of a plan in turn, `rate` a second. Raises BenchmarkFailed if a tenth fails."""
    count = int(rate * seconds)
    return asyncio.run(_play(url, itertools.islice(_filled(plan), count), connections, rate))


def all_of(url: str, plan: Sequence[Request], connections: int) -> Played:
    """Play all requests of a plan as fast as the connections allow."""
    return asyncio.run(_play(url, iter(plan), connections, None))


class _Turn:
    """One request of a plan, whose version grows with each time that it is played."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def answered(self, body: bytes) -> None:
        version = self.request.version
        if found := _VERSION.search(body):
            self.request = replace(self.request, version=found[1].decode())
        elif version.isdecimal():
            self.request = replace(self.request, version=str(int(version) + 1))


def _filled(plan: Sequence[Request]) -> Iterator[_Turn]:
    return itertools.cycle([_Turn(each) for each in plan])


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    if _CHUNKED in head.lower():  # long answers of OpenBao
        chunks = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            chunks.append((await reader.readexactly(size + 2))[:-2])
        await reader.readexactly(2)
        return b"".join(chunks)
    length = _LENGTH.search(head)
    return await reader.readexactly(int(length[1]) if length else 0)


async def _play(url: str, turns: Iterable[_Turn | Request], connections: int, rate: float | None) -> Played:
    address, loop, played = urlsplit(url), asyncio.get_running_loop(), Played()
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await asyncio.open_connection(address.hostname, address.port))
    tag, serials, began, running = os.urandom(6).hex(), itertools.count(), loop.time(), set()

    async def one(turn: _Turn, due: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_encoded(turn.request, f"{tag}{next(serials)}"))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await _body(head, reader)
        free.put_nowait((reader, writer))
        if head[9:10] != b"2":
            played.refused[
                f"{turn.request.method} {turn.request.path}: {head[9:12].decode()} {body[:120].decode()}"
            ] += 1
            return
        turn.answered(body)
        played.seconds.append(loop.time() - due)
        played.bodies.append(body)

    for number, each in enumerate(turns):
        due = loop.time() if rate is None else began + number / rate
        await asyncio.sleep(max(0.0, due - loop.time()))
        turn = each if isinstance(each, _Turn) else _Turn(each)
        task = asyncio.create_task(one(turn, due, *await free.get()))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    while not free.empty():
        free.get_nowait()[1].close()
    if (refused := played.refused.total()) * 10 > len(played.seconds):
        raise BenchmarkFailed(f"{refused:,} requests at a steady pace were refused, as {next(iter(played.refused))}")
    return played


def _encoded(request: Request, serial: str) -> bytes:
    name, token = request.token
    path = request.path.replace("@serial@", serial)
    body = request.body.replace("@serial@", serial).replace("@version@", request.version).encode()
    kind = "Content-Type: application/json\r\n" if body else ""
    head = f"{request.method} {path} HTTP/1.1\r\nHost: localhost\r\n{name}: {token}\r\n{kind}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
