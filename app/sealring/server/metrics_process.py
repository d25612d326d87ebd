"""The process that tells the metrics of a server: it has its port, reads what all processes count, and knows no secret.

    python -m sealring.server.metrics_process LISTENER BOOK

Both are descriptors that the master (server/metrics_port.py) passes on. It ends when the master ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import suppress

import h11

from sealring.observability.book import read
from sealring.observability.exposition import exposition
from sealring.server.hardening import harden

EXCHANGE_S = 5.0  # of one connection, from the first byte to the last
AT_ONCE = 16  # connections; others wait
LOOK_S = 0.5  # how often it looks for its master

_HEAD_BYTES = 8192
_TEXT = [("Content-Type", "text/plain; charset=utf-8")]


async def serve(listener: socket.socket, book: int, master: int) -> None:
    """Answer until the master is gone."""
    free = asyncio.Semaphore(AT_ONCE)

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, TimeoutError, h11.RemoteProtocolError):
                async with asyncio.timeout(EXCHANGE_S), free:
                    await _answer(reader, writer, book)
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(exchange, sock=listener, limit=_HEAD_BYTES):
        while os.getppid() == master:  # noqa: ASYNC110  nobody tells us
            await asyncio.sleep(LOOK_S)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, book: int) -> None:
    """Raises OSError, RemoteProtocolError."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_BYTES)
    while (request := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(_HEAD_BYTES))
    if not isinstance(request, h11.Request):
        return
    status, headers, body = _answered(request, book)
    head = h11.Response(
        status_code=status, headers=[*headers, ("Content-Length", str(len(body))), ("Connection", "close")]
    )
    for event in (head, h11.Data(data=b"" if request.method == b"HEAD" else body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()
    writer.write_eof()
    await reader.read(1)  # until the peer has everything


def _answered(request: h11.Request, book: int) -> tuple[int, list[tuple[str, str]], bytes]:
    if request.target.partition(b"?")[0] != b"/metrics":
        return 404, _TEXT, b"The metrics are at /metrics.\n"
    if request.method not in {b"GET", b"HEAD"}:
        return 405, [*_TEXT, ("Allow", "GET, HEAD")], b"Use GET.\n"
    accept = b",".join(value for name, value in request.headers if name == b"accept").decode("latin-1")
    body, media_type = exposition(read(book), accept)
    return 200, [("Content-Type", media_type), ("Cache-Control", "no-store")], body


def main() -> None:
    listener, book = map(int, sys.argv[1:])
    harden()
    asyncio.run(serve(socket.socket(fileno=listener), book, os.getppid()))


if __name__ == "__main__":
    main()
