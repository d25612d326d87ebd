"""gunicorn's threaded worker, with ends to what it does without: connections, reading, and its own time.

Three things are added. The master learns when a worker is ready, and when it is due to be replaced, so that it stops
none before its successor serves. Whoever sends or reads slowly keeps a thread for a bounded time. And there are never
more connections than file descriptors.
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
EXCHANGE_S = 90.0  # from there to the last byte of the answer
LINGER_S = 1.0  # for what still arrives when we close (RFC 9112, 9.6)

_LINGER_BYTES = 1 << 16
_OWN_DESCRIPTORS = 24  # of a worker without connections: listener, poller, heartbeat, log, modules
_PER_THREAD = 2  # a connection to the store, and one to a provider
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_BREATH_S = 0.05  # until the next accept, where the system has nothing left for a connection

_STARTING, _READY, _DUE = 0, 1, 2


def connections_within(descriptors: int, threads: int, wanted: int) -> int:
    """Return how many connections a worker may keep, so that each of its threads can still reach store and provider."""
    free = descriptors - _OWN_DESCRIPTORS
    all_busy = free // (1 + _PER_THREAD)  # connections, if each has a thread
    return max(1, min(wanted, free - _PER_THREAD * threads if all_busy >= threads else all_busy))


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """`leaving` is the master's: whether it has told this worker to go."""

    max_requests: int

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.leaving = False
        self._state = mmap.mmap(-1, 1)  # shared with the master
        self._due_at: int = self.max_requests
        self.max_requests = sys.maxsize  # gunicorn's worker would just stop
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
        """Whether it has served as many requests as a worker should."""
        return self._state[0] == _DUE

    def handle_usr1(self, sig: int, frame: object) -> None:  # noqa: ARG002  gunicorn's signature
        with suppress(OSError):  # this worker may not open it: what is open goes on
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
        if conn.reading.end():  # at the very last moment
            return False
        answering = self._deadlines.begin(EXCHANGE_S, lambda: conn.sock, socket.SHUT_RDWR)
        try:
            return super().handle_request(req, conn)
        finally:
            answering.end()
            conn.is_read = not req.body.failed  # admission/bodies.py has read away what a view left of it
            if self.nr >= self._due_at:
                self._state[0] = _DUE


def _connections(cfg: Any) -> int:
    return connections_within(_descriptors(), cfg.threads, cfg.worker_connections)


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _end(connection: socket.socket, linger_s: float) -> None:
    """End both directions, so that nothing is left to wait for: gunicorn would wait in the loop that accepts.

    With a peer that may still send, an end at once is a reset, which the answer may not survive; hence `linger_s`.
    """
    until, read = time.monotonic() + linger_s, 0
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_WR)  # a TLS socket's own would forget its session
        while read < _LINGER_BYTES and (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            chunk = connection.recv(4096)
            if not chunk:
                break
            read += len(chunk)
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RD)
