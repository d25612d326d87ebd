"""A connection to one node of the store on the event loop: many fibers send at once, in one round trip.

What all fibers send in one turn of the loop leaves together. Replies come in the order of the commands, so each fiber
gets its own. The socket is one that redis-py has connected, with its TLS and its login.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable
from socket import socket
from typing import cast

from hiredis import Reader
from redis.connection import AbstractConnection
from redis.exceptions import InvalidResponse

from sealring.fibers import Fibers
from sealring.store.connection.link import Link, LinkLost, Reply

_CHUNK_BYTES = 1 << 16
_AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

_Tell = Callable[["list[Reply] | None"], None]  # None: the connection is lost


class _Waiting:
    """The replies that a fiber waits for."""

    __slots__ = ("count", "replies", "since", "tell")

    def __init__(self, count: int, since: float, tell: _Tell) -> None:
        self.count = count
        self.since = since
        self.tell = tell
        self.replies: list[Reply] = []


class LoopLink(Link):
    """Only for the loop's thread. A fiber that watches keys must have it alone: another's EXEC would drop its WATCH."""

    def __init__(self, connection: AbstractConnection, fibers: Fibers) -> None:
        """`connection` is open, and the link owns it from now on. It is lost if a reply takes its socket timeout."""
        super().__init__(connection)
        self.lost = False
        self._fibers = fibers
        self._loop = fibers.loop
        self._socket = cast("socket", connection._sock)  # noqa: SLF001  redis-py has no public name for either
        self._reader = Reader(protocolError=InvalidResponse, replyError=connection._parser.parse_error)  # noqa: SLF001
        self._patience_s = float(connection.socket_timeout or 0)
        self._waiting: deque[_Waiting] = deque()
        self._out = bytearray()
        self._leaving = False  # a flush is due
        self._timed = False  # a look at the oldest is due
        self._retired = False
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._readable)

    def retire(self) -> None:
        """Close it when all that was sent is answered."""
        self._retired = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """Close it; every fiber that waits gets LinkLost in the next turn of the loop."""
        if self.lost:
            return
        self.lost = True
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        super().close()
        for each in self._waiting:
            self._loop.call_soon(each.tell, None)
        self._waiting.clear()

    def _exchanged(self, packed: bytes, count: int) -> list[Reply]:
        if self.lost:
            raise LinkLost

        def begin(tell: _Tell) -> None:
            self._submit(packed, count, tell)

        replies = self._fibers.suspend(begin)
        if replies is None:
            raise LinkLost
        return replies

    def _submit(self, packed: bytes, count: int, tell: _Tell) -> None:
        self._waiting.append(_Waiting(count, self._loop.time(), tell))
        self._out += packed
        if not self._leaving:
            self._leaving = True
            self._loop.call_soon(self._flush)
        if not self._timed:
            self._time(self._patience_s)

    def _flush(self) -> None:
        self._leaving = False
        if self.lost:
            return
        try:
            sent = self._socket.send(self._out)
        except _AGAIN:
            sent = 0
        except OSError:
            self.close()
            return
        if sent == len(self._out):
            self._out = bytearray()
            return
        del self._out[:sent]
        self._leaving = True
        self._loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket)
        self._flush()

    def _readable(self) -> None:
        while not self.lost:
            try:
                data = self._socket.recv(_CHUNK_BYTES)
            except _AGAIN:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            self._reader.feed(data)
            self._deliver()
            if len(data) < _CHUNK_BYTES and not isinstance(self._socket, ssl.SSLSocket):
                return  # TLS may hold data that the loop cannot see

    def _deliver(self) -> None:
        """Hand out the replies that are complete. A fiber that gets its own runs until it waits again."""
        waiting, next_reply = self._waiting, self._reader.gets
        while waiting:
            first = waiting[0]
            while len(first.replies) < first.count:
                try:
                    reply = next_reply()
                except InvalidResponse:
                    self.close()
                    return
                if reply is False:
                    return
                first.replies.append(reply)
            waiting.popleft()
            first.tell(first.replies)
        if self._retired:
            self.close()

    def _time(self, seconds: float) -> None:
        self._timed = True
        self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Lose the connection if the oldest request has waited too long."""
        self._timed = False
        if self.lost or not self._waiting:
            return
        left_s = self._waiting[0].since + self._patience_s - self._loop.time()
        if left_s > 0:
            self._time(left_s)
        else:
            self.close()
