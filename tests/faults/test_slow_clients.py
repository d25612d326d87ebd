"""Thousands of slow clients beside a healthy one: it notices little, each of them is ended in time, and nothing stays."""

import asyncio
import random
import resource
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from faults.healthy import address, object_of, p99, times_of_reads
from support.live import live_server
from support.waiting import becomes_true

HALF_A_HEAD, HALF_A_BODY, ONE_BYTE_A_SECOND = "half a head", "half a body", "one byte a second"
BOUND_S = {HALF_A_HEAD: 10, HALF_A_BODY: 30, ONE_BYTE_A_SECOND: 10}
LATE_S = 5.0  # a sweep, and what a busy machine takes


@dataclass
class Attack:
    """Slow clients that come again as soon as they are ended; `lasted` is how long each connection did, by kind."""

    address: tuple[str, int]
    token: str
    clients: int
    lasted: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in BOUND_S})
    open: Counter[str] = field(default_factory=Counter)

    def run(self, over: threading.Event) -> None:
        asyncio.run(self._run(over))

    async def _run(self, over: threading.Event) -> None:
        kinds = list(BOUND_S)
        clients = [asyncio.create_task(self._client(kinds[number % 3])) for number in range(self.clients)]
        await asyncio.to_thread(over.wait)
        for each in clients:
            each.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _client(self, kind: str) -> None:
        await asyncio.sleep(random.uniform(0, 5))
        while True:
            began = time.monotonic()
            with suppress(OSError):
                await self._connection(kind)
                self.lasted[kind].append(time.monotonic() - began)
            await asyncio.sleep(random.uniform(0, 0.5))

    async def _connection(self, kind: str) -> None:
        reader, writer = await asyncio.open_connection(*self.address)
        self.open[kind] += 1
        try:
            writer.write(self._begun(kind))
            drip = asyncio.create_task(_drip(writer)) if kind == ONE_BYTE_A_SECOND else None
            try:
                while await reader.read(4096):
                    pass
            finally:
                if drip is not None:
                    drip.cancel()
        finally:
            self.open[kind] -= 1
            writer.close()

    def _begun(self, kind: str) -> bytes:
        if kind == HALF_A_BODY:
            head = f"POST /vault/v1/kv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n"
            return head.encode() + b'Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"name": '
        return b"GET /livez HTTP/1.1\r\nHost: x\r\nX: "


async def _drip(writer: asyncio.StreamWriter) -> None:
    while True:
        await asyncio.sleep(1)
        writer.write(b"x")


@contextmanager
def under(attack):
    over = threading.Event()
    thread = threading.Thread(target=attack.run, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)


def descriptors(server):
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in server.workers)


def resident_mb(server):
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in server.workers)
    return pages * resource.getpagesize() / 1e6


@pytest.mark.parametrize(
    ("clients", "seconds"), [(300, 18), pytest.param(2000, 600, marks=(pytest.mark.torture, pytest.mark.timeout(1200)))]
)
def test_a_healthy_client_notices_little_of_slow_ones_and_nothing_of_them_stays(tmp_path, clients, seconds):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with live_server(tmp_path, worker="loop") as server:
        token = server.token("org_acme")
        path = object_of(server, "org_acme")
        normal = p99(times_of_reads(server, path, token, min(seconds, 30)))
        files, memory = descriptors(server), resident_mb(server)
        attack = Attack(address(server), server.token("org_slow"), clients)

        with under(attack):
            assert becomes_true(lambda: sum(attack.open.values()) > clients * 0.7)
            attacked = p99(times_of_reads(server, path, token, seconds))

        assert attacked < max(3 * normal, 0.1), (
            normal,
            attacked,
        )  # seconds; a tenth is what this machine does to anybody
        assert {kind for kind, lasted in attack.lasted.items() if lasted} >= {HALF_A_HEAD, ONE_BYTE_A_SECOND}
        for kind, lasted in attack.lasted.items():
            assert max(lasted, default=0) < BOUND_S[kind] + LATE_S, kind
        assert becomes_true(lambda: descriptors(server) <= files + 4)
        assert resident_mb(server) < 1.25 * memory
