"""gunicorn's threaded worker with deadlines for slow clients, and signals to the master.

It adds three things. It tells the master when it is ready and when it is due to be replaced, so that the master stops
it only when its successor serves. A client that sends or reads slowly keeps a thread only for a bounded time. It never
accepts more connections than its file descriptors allow.
"""

from __future__ import annotations

import errno
import mmap
import os
import resource
import socket
import sys
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from sealring.observability.logs import Log
from sealring.server import log_files
from sealring.server.deadlines import Deadlines
from sealring.server.unreadable import write_refusal

HEAD_S = 10.0  # from the first byte of a request to the end of its headers, and for a TLS handshake
EXCHANGE_S = 90.0  # from the end of the headers to the last byte of the response
LINGER_S = 1.0  # for data that still arrives when we close (RFC 9112 section 9.6)

_LINGER_BYTES = 1 << 16
_OWN_DESCRIPTORS = 24  # of a worker without connections: listener, poller, heartbeat, log, modules
_PER_THREAD = 2  # a connection to the store, and one to a provider
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_BREATH_S = 0.05  # until the next accept, if the system has no resources for a connection

_STARTING, _READY, _DUE = 0, 1, 2


def connections_within(descriptors: int, threads: int, wanted: int) -> int:
    """Return how many connections a worker may keep so that each thread can still connect to store and provider."""
    free = descriptors - _OWN_DESCRIPTORS
    all_busy = free // (1 + _PER_THREAD)  # connections, if each has a thread
    return max(1, min(wanted, free - _PER_THREAD * threads if all_busy >= threads else all_busy))


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker. The master uses `leaving` to note that it has told this worker to end."""

    max_requests: int

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.leaving = False
        self._state = mmap.mmap(-1, 1)  # shared with the master
        self._due_at: int = self.max_requests
        self.max_requests = sys.maxsize  # otherwise gunicorn's worker would stop without a successor
        self._deadlines = Deadlines()
        self.worker_connections = _connections(self.cfg)
        self.max_keepalived = self.worker_connections - self.cfg.threads

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        kept = _connections(cfg)
        if kept < cfg.worker_connections:
            log.warning(
                "%d file descriptors allow a worker %d connections instead of %d; raise the limit (ulimit -n)",
                _descriptors(),
                kept,
                cfg.worker_connections,
            )

    @property
    def ready(self) -> bool:
        return self._state[0] != _STARTING

    @property
    def due(self) -> bool:
        """Whether it has served its maximum of requests."""
        return self._state[0] == _DUE

    def handle_usr1(self, sig: int, frame: object) -> None:  # noqa: ARG002  gunicorn's signature
        with suppress(OSError):  # this worker may not have the right to open it: it keeps the open file
            log_files.reopen(self.log)

    def run(self) -> None:
        self._state[0] = _READY
        Log().notice(f"worker {os.getpid()} serves")
        super().run()

    def accept(self, listener: Any) -> None:
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            time.sleep(_BREATH_S)

    def handle(self, conn: TConn) -> Any:
        conn.reading, conn.is_read = self._deadlines.begin(HEAD_S, lambda: conn.sock), False
        kept = super().handle(conn)
        if conn.reading.end() and conn.parser is not None:
            with suppress(OSError):
                write_refusal(conn.sock, 408, "Request Timeout", "")
        if kept is False:
            _end(conn.sock, 0 if conn.is_read else LINGER_S)
        return kept

    def handle_request(self, req: Any, conn: TConn) -> Any:
        if conn.reading.end():  # it passed after the headers were read
            return False
        answering = self._deadlines.begin(EXCHANGE_S, lambda: conn.sock, socket.SHUT_RDWR)
        try:
            return super().handle_request(req, conn)
        finally:
            answering.end()
            conn.is_read = not req.body.failed  # admission/bodies.py has read the rest of the body
            if self.nr >= self._due_at:
                self._state[0] = _DUE


def _connections(cfg: Any) -> int:
    return connections_within(_descriptors(), cfg.threads, cfg.worker_connections)


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


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
