"""HTTP in which a whole exchange ends by one moment, over connections that the egress guard makes.

The timeouts of an HTTP library are for each read, so a server that sends a byte now and then outlasts them. Here every
operation of the socket gets what is left until the deadline. No redirect is followed, and no proxy asked.
"""

from __future__ import annotations

import io
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sealring_plugin import ConfigInvalid, DeadlineExceeded, Egress, Unavailable

CONNECT_S = 1.0
IDLE_S = 20.0
MAX_IDLE = 64  # of one host: the calls that sealring makes at once
MAX_ANSWER_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that is ready to be sent. `deadline` is in seconds of time.monotonic()."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    deadline: float


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Thread-safe: a connection is used by one thread at a time, and kept for the next."""

    def __init__(self, egress: Egress, ca_file: Path | None) -> None:
        """Raises ConfigInvalid."""
        self._egress = egress
        self._tls = _tls(ca_file)
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str, int], list[Connection]] = {}

    def send(self, exchange: Exchange) -> Answer:
        """Raises DeadlineExceeded, Unavailable; ConfigInvalid for a host that the guard does not know."""
        try:
            return self._exchange(exchange)
        except TimeoutError:
            raise DeadlineExceeded("AWS did not answer in time") from None
        except (OSError, HTTPException) as error:
            raise Unavailable(f"the connection to AWS failed ({type(error).__name__})") from None

    def close(self) -> None:
        with self._lock:
            kept, self._idle = self._idle, {}
        for connection in (each for idle in kept.values() for each in idle):
            connection.close()

    def _exchange(self, exchange: Exchange) -> Answer:
        address = urlsplit(exchange.url)
        place = (address.scheme, address.hostname or "", address.port or (443 if address.scheme == "https" else 80))
        connection = self._take(place) or self._connect(*place, exchange.deadline)
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        reusable = False
        try:
            answer, reusable = connection.exchange(exchange, target, address.netloc)
        finally:
            if reusable:
                self._keep(place, connection)
            else:
                connection.close()
        return answer

    def _connect(self, scheme: str, host: str, port: int, deadline: float) -> Connection:
        first = min(deadline, time.monotonic() + CONNECT_S)
        try:
            plain = self._egress.connect(host, port, first)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body are two writes
        except DeadlineExceeded:
            if first < deadline:
                raise Unavailable(f"the endpoint did not take the connection within {CONNECT_S:g} s") from None
            raise
        return Connection(host, port, self._secured(plain, host, deadline) if scheme == "https" else plain)

    def _secured(self, plain: socket.socket, host: str, deadline: float) -> socket.socket:
        try:
            plain.settimeout(_left(deadline))
            return self._tls.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def _take(self, place: tuple[str, str, int]) -> Connection | None:
        while True:
            with self._lock:
                idle = self._idle.get(place)
                if not idle:
                    return None
                connection = idle.pop()
            if connection.is_fresh():
                return connection
            connection.close()

    def _keep(self, place: tuple[str, str, int], connection: Connection) -> None:
        connection.idle_since = time.monotonic()
        with self._lock:
            idle = self._idle.setdefault(place, [])
            idle.append(connection)
            surplus = idle.pop(0) if len(idle) > MAX_IDLE or not idle[0].is_fresh() else None
        if surplus is not None:
            surplus.close()


class Connection:
    """One connection that is open already, for one exchange after the other."""

    def __init__(self, host: str, port: int, connected: socket.socket) -> None:
        self._socket = _TimedSocket(connected)
        self._http = HTTPConnection(host, port)
        self._http.auto_open = 0  # never past the guard
        self._http.sock = self._socket
        self.idle_since = time.monotonic()

    def exchange(self, exchange: Exchange, target: str, host: str) -> tuple[Answer, bool]:
        """Return the answer, and whether the connection can be used again."""
        self._socket.deadline = exchange.deadline
        self._http.request(exchange.method, target, exchange.body, {**exchange.headers, "Host": host})
        response = self._http.getresponse()
        if response.length is None and not response.chunked:
            raise IncompleteRead(b"")  # nobody could tell an answer that was cut from a whole one
        body = response.read(MAX_ANSWER_BYTES + 1)
        if len(body) > MAX_ANSWER_BYTES:
            raise Unavailable("AWS answered with more than it ever says")
        if not response.isclosed():
            raise IncompleteRead(b"")
        return Answer(response.status, dict(response.getheaders()), body), not response.will_close

    def is_fresh(self) -> bool:
        """Whether it may still be open: the other side said nothing, neither a byte nor that it hung up."""
        return time.monotonic() - self.idle_since < IDLE_S and not self._socket.has_news()

    def close(self) -> None:
        self._http.close()
        self._socket.hang_up()


class _TimedSocket:
    """What http.client needs of a socket; each operation ends by `deadline`."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.deadline = 0.0

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(_left(self.deadline))
            rest = rest[self._socket.send(rest) :]

    def makefile(self, *_args: Any, **_options: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reads(self))

    def recv_into(self, buffer: memoryview) -> int:
        self._socket.settimeout(_left(self.deadline))
        return self._socket.recv_into(buffer)

    def has_news(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """http.client closes a socket before it has read the answer to its end, and counts on the file for that."""

    def hang_up(self) -> None:
        self._socket.close()


class _Reads(io.RawIOBase):
    def __init__(self, timed: _TimedSocket) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.recv_into(buffer)


def _left(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError:  # ssl.SSLError is one
            raise ConfigInvalid(f"ca_file {ca_file} cannot be read, or holds no certificate in PEM") from None
    return context
