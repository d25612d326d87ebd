"""HTTP with an end: one request, one attempt, all of it over before its deadline. Connections are kept.

http.client follows no redirect and asks no proxy. But its timeout is that of one read, so a server that drips could
hold a call for ever; here each operation of the socket gets no more than what is left of the call.
"""

from __future__ import annotations

import io
import json
import select
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, IncompleteRead
from typing import TYPE_CHECKING, Any

from sealring_plugin import DeadlineExceeded, Unavailable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_ANSWER_BYTES = 65_536  # the largest that we ask for is a token of a workload identity, some 10 KiB
MAX_ENDPOINTS = 256
MAX_IDLE = 8  # connections to one endpoint: as many as the gateway has calls of one key

_PORTS = {"https": 443, "http": 80}

Connect = Callable[[str, int, float], socket.socket]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a request goes; `scheme` is https or http."""

    scheme: str
    host: str
    port: int

    @property
    def is_default_port(self) -> bool:
        return self.port == _PORTS[self.scheme]


@dataclass(frozen=True, slots=True)
class Request:
    """`path` begins with a slash, and has the query with it."""

    method: str
    endpoint: Endpoint
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` are by their names in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def document(self) -> Mapping[str, Any]:
        """Return the JSON object that the body is; an empty one where it is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}


class Transport:
    """Sends requests. Thread-safe; `connect` opens a connection within a deadline, and says where one may lead."""

    def __init__(self, connect: Connect, tls: ssl.SSLContext) -> None:
        self._connect = connect
        self._tls = tls
        self._lock = threading.Lock()
        self._idle: OrderedDict[Endpoint, list[_Connection]] = OrderedDict()
        self._closed = False

    def send(self, request: Request, deadline: float) -> Answer:
        """Return the answer, whatever its status. Raises DeadlineExceeded, Unavailable, and what `connect` raises."""
        kept = False
        connection = self._take(request.endpoint) or self._open(request.endpoint, deadline)
        try:
            answer, kept = connection.exchange(request, deadline)
        except TimeoutError:
            raise DeadlineExceeded("the endpoint did not answer in time") from None
        except (OSError, HTTPException) as error:
            raise Unavailable(f"the connection to the endpoint failed ({type(error).__name__})") from None
        finally:
            if not kept or not self._keep(request.endpoint, connection):
                connection.close()
        return answer

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle = [connection for connections in self._idle.values() for connection in connections]
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _open(self, endpoint: Endpoint, deadline: float) -> _Connection:
        plain = self._connect(endpoint.host, endpoint.port, deadline)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.settimeout(_left_s(deadline))
            if endpoint.scheme == "https":
                plain = self._tls.wrap_socket(plain, server_hostname=endpoint.host)
        except TimeoutError:
            plain.close()
            raise DeadlineExceeded("the endpoint did not answer in time") from None
        except OSError as error:
            plain.close()
            raise Unavailable(f"there is no TLS with the endpoint ({type(error).__name__})") from None
        return _Connection(endpoint, TimedSocket(plain))

    def _take(self, endpoint: Endpoint) -> _Connection | None:
        """Return a connection that was kept and is still open, as far as can be seen."""
        while True:
            with self._lock:
                idle = self._idle.get(endpoint)
                connection = idle.pop() if idle else None
            if connection is None or connection.is_quiet():
                return connection
            connection.close()

    def _keep(self, endpoint: Endpoint, connection: _Connection) -> bool:
        with self._lock:
            idle = self._idle.setdefault(endpoint, [])
            self._idle.move_to_end(endpoint)
            if self._closed or len(idle) >= MAX_IDLE:
                return False
            idle.append(connection)
            dropped = self._idle.popitem(last=False)[1] if len(self._idle) > MAX_ENDPOINTS else []
        for each in dropped:
            each.close()
        return True


class TimedSocket:
    """As much of a socket as http.client uses, with one deadline for all that is done until the next is set."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.deadline = 0.0

    def sendall(self, binary: bytes) -> None:
        rest = memoryview(binary)
        while rest:
            rest = rest[self._in_time().send(rest) :]

    def recv_into(self, buffer: WriteableBuffer) -> int:
        return self._in_time().recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self))

    def has_news(self) -> bool:
        """Say whether there is something to read: on a connection that waits for a request, its end."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self._socket.close()

    def _in_time(self) -> socket.socket:
        self._socket.settimeout(_left_s(self.deadline))
        return self._socket


class _Reading(io.RawIOBase):
    def __init__(self, source: TimedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._source.recv_into(buffer)


class _Connection(HTTPConnection):
    auto_open = 0  # a connection that broke is never opened anew behind our back

    def __init__(self, endpoint: Endpoint, timed: TimedSocket) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.default_port = endpoint.port if endpoint.is_default_port else 0  # whether `Host` has the port with it
        self._timed = timed
        self.sock = timed

    def exchange(self, request: Request, deadline: float) -> tuple[Answer, bool]:
        """Return the answer, and whether the connection can take another request."""
        self._timed.deadline = deadline
        self.request(request.method, request.path, request.body, dict(request.headers))
        with self.getresponse() as response:
            body = response.read(MAX_ANSWER_BYTES + 1)
            reusable = response.isclosed() and not response.will_close
        if len(body) > MAX_ANSWER_BYTES:
            raise HTTPException("too long")
        if response.length:
            raise IncompleteRead(b"", response.length)
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body), reusable

    def is_quiet(self) -> bool:
        return not self._timed.has_news()


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
