"""A proxy that breaks what passes through it: in front of the store, or in front of our own server."""

import asyncio
import random
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum, auto
from urllib.parse import unquote, urlsplit

DELAY_S = 0.2  # unless a proxy is told another time


class Fault(Enum):
    LOSE = auto()  # forward the request, swallow the answer, hang up
    TRUNCATE = auto()  # pass on half of the answer, hang up
    DELAY = auto()  # pass on the answer late
    DROP = auto()  # hang up before the request is forwarded


Plan = Callable[[bytes], Fault | None]  # asked with each piece that a client sends


def nothing(_request: bytes) -> None:
    """The plan of a proxy that only forwards."""


class Script:
    """The next requests with `word` in them meet these faults, one each."""

    def __init__(self, word: bytes, *faults: Fault) -> None:
        self._word = word
        self.left = deque(faults)

    def __call__(self, request: bytes) -> Fault | None:
        return self.left.popleft() if self.left and self._word in request else None


class Dice:
    """Each request that matches `pattern` meets a fault with these odds, the same ones for the same seed."""

    def __init__(self, seed: int, pattern: bytes, odds: Mapping[Fault, float]) -> None:
        self._chance = random.Random(seed)
        self._pattern = re.compile(pattern)
        self._faults = [*odds, None]
        self._weights = [*odds.values(), 1 - sum(odds.values())]

    def __call__(self, request: bytes) -> Fault | None:
        if not self._pattern.search(request):
            return None
        return self._chance.choices(self._faults, self._weights)[0]


class FaultProxy:
    """Forwards from a port of its own to `backend`, a URL with a host and port or a Unix socket's path.

    `plan`, `frozen` and `instead` may be set at any time. While it is frozen nothing passes, and nobody is hung up on.
    `before_fault` runs when an answer has come that will be lost; a client gets `instead` of it, and is hung up on.
    """

    def __init__(self, backend: str, plan: Plan = nothing, delay_s: float = DELAY_S) -> None:
        self.plan = plan
        self._delay_s = delay_s
        self.frozen = False
        self.instead = b""
        self.before_fault: Callable[[], None] = lambda: None
        self.made: Counter[Fault] = Counter()
        self._backend = urlsplit(backend)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait()
        self.address = f"127.0.0.1:{self._port}"

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        listener.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await self._connect()
        except OSError:
            writer.transport.abort()
            return
        answers = asyncio.create_task(self._answers(server_reader, writer, faults := deque()))
        requests = asyncio.create_task(self._requests(reader, server_writer, faults))
        try:
            await asyncio.wait((requests, answers), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (requests, answers):
                each.cancel()
            for each in (writer, server_writer):
                each.transport.abort()

    def _connect(self):
        if self._backend.scheme == "unix":
            return asyncio.open_unix_connection(unquote(self._backend.path))
        return asyncio.open_connection(self._backend.hostname, self._backend.port)

    async def _requests(self, client: asyncio.StreamReader, server: asyncio.StreamWriter, faults: deque[Fault]) -> None:
        with suppress(OSError):
            while request := await client.read(1 << 20):
                await self._thaw()
                fault = self.plan(request)
                if fault is not None:
                    self.made[fault] += 1
                    faults.append(fault)
                if fault is Fault.DROP:
                    return
                server.write(request)
                await server.drain()

    async def _answers(self, server: asyncio.StreamReader, client: asyncio.StreamWriter, faults: deque[Fault]) -> None:
        with suppress(OSError):
            while answer := await server.read(1 << 20):
                fault = faults.popleft() if faults else None
                if fault is Fault.LOSE:
                    self.before_fault()
                await self._thaw()
                if fault is Fault.LOSE:
                    client.write(self.instead)
                    return
                if fault is Fault.DELAY:
                    await asyncio.sleep(self._delay_s)
                client.write(answer[: len(answer) // 2] if fault is Fault.TRUNCATE else answer)
                await client.drain()
                if fault is Fault.TRUNCATE:
                    return

    async def _thaw(self) -> None:
        while self.frozen:  # noqa: ASYNC110  set by other threads, which cannot set an Event of asyncio's
            await asyncio.sleep(0.01)
