"""HTTP/1.1 through the egress guard: one attempt, one deadline for all of it, no proxy and no redirect followed."""

from __future__ import annotations

import io
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from sealring_azurekv.key import Origin
from sealring_plugin import DeadlineExceeded, Egress, Unavailable

MAX_ANSWER_BYTES = 65536
MAX_IDLE_CONNECTIONS = 64
MAX_IDLE_S = 30.0
MAX_AGE_S = 300.0  # a name may lead elsewhere by then


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` have names in lower case; `body` is empty where the answer is no JSON object."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any] = field(repr=False)


class Wire:
    """Sends requests, and keeps connections for the next one. Thread-safe."""

    def __init__(self, egress: Egress, tls: ssl.SSLContext) -> None:
        self._egress = egress
        self._tls = tls
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()

    def send(self, origin: Origin, request: Request, deadline: float) -> Answer:
        """Return the answer, whatever its status. Raises ConfigInvalid, DeadlineExceeded and Unavailable."""
        connection = self._take(origin)
        keep = False
        try:
            answer, keep = connection.exchange(request, deadline)
        except TimeoutError:
            raise DeadlineExceeded("no answer came in time") from None
        except ssl.SSLCertVerificationError:
            raise Unavailable("the endpoint's certificate is not one that is trusted; see ca_file") from None
        except (OSError, HTTPException) as error:
            raise Unavailable(f"the connection failed ({type(error).__name__})") from None
        finally:
            self._give_back(connection, keep=keep)
        return answer

    @property
    def idle_connections(self) -> int:
        return len(self._idle)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self, origin: Origin) -> _Connection:
        while (kept := self._kept(origin)) is not None:
            if kept.is_fresh():
                return kept
            kept.close()
        return _Connection(origin, self._egress, self._tls)

    def _kept(self, origin: Origin) -> _Connection | None:
        with self._lock:
            found = next((each for each in reversed(self._idle) if each.origin == origin), None)
            if found is not None:
                self._idle.remove(found)
            return found

    def _give_back(self, connection: _Connection, *, keep: bool) -> None:
        surplus = connection
        if keep:
            with self._lock:
                self._idle.append(connection)
                if len(self._idle) <= MAX_IDLE_CONNECTIONS:
                    return
                surplus = self._idle.pop(0)
        surplus.close()


class _Connection(HTTPConnection):
    """One connection, made where it is first needed."""

    def __init__(self, origin: Origin, egress: Egress, tls: ssl.SSLContext) -> None:
        super().__init__(origin.host, origin.port)
        self.origin = origin
        self._egress = egress
        self._tls = tls
        self._deadline = 0.0
        self._made_at = self._used_at = 0.0

    def exchange(self, request: Request, deadline: float) -> tuple[Answer, bool]:
        """Return the answer, and whether the connection is good for another request."""
        self._deadline = deadline
        self.request(request.method, request.path, request.body, dict(request.headers))
        response = self.getresponse()
        content = response.read(MAX_ANSWER_BYTES + 1)
        if len(content) > MAX_ANSWER_BYTES:
            raise Unavailable("the answer is too long")
        if response.length:  # http.client returns what there was
            raise Unavailable("the answer was cut off")
        self._used_at = time.monotonic()
        return _answer(response, content), response.isclosed() and not response.will_close

    def connect(self) -> None:
        plain = self._egress.connect(self.origin.host, self.origin.port, self._deadline)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body go out in two sends
            plain.settimeout(left_s(self._deadline))
            secured = plain if self.origin.scheme == "http" else self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise
        self.sock = _TimedSocket(secured, self)
        self._made_at = time.monotonic()

    def is_fresh(self) -> bool:
        """Whether it was used lately and the other side neither closed it nor said anything unasked."""
        now = time.monotonic()
        if now - self._used_at > MAX_IDLE_S or now - self._made_at > MAX_AGE_S:
            return False
        poll = select.poll()
        poll.register(self.sock.fileno(), select.POLLIN)
        return not poll.poll(0)

    def left_s(self) -> float:
        return left_s(self._deadline)


class _TimedSocket:
    """What http.client needs of a socket, each operation of which ends at the deadline of the whole call."""

    def __init__(self, sock: socket.socket, connection: _Connection) -> None:
        self._sock = sock
        self._connection = connection

    def sendall(self, content: bytes) -> None:
        unsent = memoryview(content)
        while unsent:
            self._sock.settimeout(self._connection.left_s())
            unsent = unsent[self._sock.send(unsent) :]

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        self._sock.settimeout(self._connection.left_s())
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()


class _Reader(io.RawIOBase):
    def __init__(self, sock: _TimedSocket) -> None:
        self._timed = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.recv_into(buffer)


def left_s(deadline: float) -> float:
    """Return the seconds until a deadline. Raises TimeoutError where there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _answer(response: HTTPResponse, content: bytes) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    return Answer(response.status, headers, body if isinstance(body, dict) else {})
