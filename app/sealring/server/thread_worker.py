"""gunicorn's threaded worker with deadlines for slow clients, which keep a thread only for a bounded time."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.http.message import Request
from gunicorn.workers.gthread import TConn, ThreadWorker

from sealring.observability import metrics
from sealring.server import deadlines
from sealring.server.deadlines import Deadlines
from sealring.server.unreadable import asked_for, write_refusal
from sealring.server.worker import Worker

_CONNECTIONS, _IN_FLIGHT = metrics.CONNECTIONS.of(), metrics.IN_FLIGHT.of()
_LINGER_BYTES = 1 << 16
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_BREATH_S = 0.05  # until the next accept, if the system has no resources for a connection


class KnownRequest(Request):  # type: ignore[misc]  # gunicorn has no types
    """A request whose path is known when the rest of its head is refused."""

    def parse(self, unreader: Any) -> Any:
        try:
            return super().parse(unreader)
        except Exception as error:
            error.path = self.path  # type: ignore[attr-defined]
            raise


class ThreadsWorker(Worker, ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker with a thread for each request in work."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadlines = Deadlines()
        self.worker_connections = self.connections(self.cfg)
        self.max_keepalived = self.worker_connections - self.cfg.threads

    def run(self) -> None:
        self.note_ready()
        super().run()

    def notify(self) -> None:
        super().notify()
        _CONNECTIONS.set(self.nr_conns)
        _IN_FLIGHT.set(self.nr_conns - len(self.keepalived_conns) - len(self.pending_conns))

    def accept(self, listener: Any) -> None:
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            time.sleep(_BREATH_S)

    def handle(self, conn: TConn) -> Any:
        conn.reading, conn.is_read = self._deadlines.begin(deadlines.HEAD_S, lambda: conn.sock), False
        kept = super().handle(conn)
        if conn.reading.end() and conn.parser is not None:
            with suppress(OSError):
                write_refusal(conn.sock, 408, "Request Timeout", "")
        if kept is False:
            _end(conn.sock, 0 if conn.is_read else deadlines.LINGER_S)
        return kept

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        with asked_for(getattr(exc, "path", None) or getattr(req, "path", None) or ""):
            super().handle_error(req, client, addr, exc)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        if conn.reading.end():  # it passed after the headers were read
            return False
        answering = self._deadlines.begin(deadlines.EXCHANGE_S, lambda: conn.sock, socket.SHUT_RDWR)
        try:
            return super().handle_request(req, conn)
        finally:
            answering.end()
            conn.is_read = not req.body.failed  # admission/bodies.py has read the rest of the body
            self.note_served(self.nr)


def _end(connection: socket.socket, linger_s: float) -> None:
    """Shut both directions down, so that gunicorn does not wait for the peer in the loop that accepts connections.

    If the peer may still send, closing at once causes a reset, and the peer may lose the response. Hence `linger_s`.
    """
    until, read = time.monotonic() + linger_s, 0
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_WR)  # SSLSocket.shutdown would drop the TLS session
        while read < _LINGER_BYTES and (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            chunk = connection.recv(4096)
            if not chunk:
                break
            read += len(chunk)
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RD)
