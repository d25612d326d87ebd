"""Absolute deadlines of connections, which arriving bytes do not extend."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

HEAD_S = 10.0  # from the first byte of a request to the end of its headers, and for a TLS handshake
EXCHANGE_S = 90.0  # from the end of the headers to the last byte of the response
LINGER_S = 1.0  # for data that still arrives when we close (RFC 9112 section 9.6)
TICK_S = 0.5  # by how much a deadline may be late

Find = Callable[[], socket.socket]  # a function, since TLS replaces the socket


class Deadline:
    """The deadline of one connection. When it passes, the connection is shut down, and waiting readers see its end."""

    __slots__ = ("_find", "_how", "_lock", "passed", "until")

    def __init__(self, until: float, find: Find, how: int) -> None:
        self._find = find
        self._how = how
        self._lock = threading.Lock()
        self.until = until
        self.passed = False

    def end(self) -> bool:
        """Cancel the deadline, and return whether it has passed. May be called again."""
        with self._lock:
            self.until = float("inf")
            return self.passed

    def look(self, now: float) -> None:
        """Shut the connection down if the deadline has passed."""
        with self._lock:
            if now < self.until:
                return
            self.until, self.passed = float("inf"), True
            with suppress(OSError):  # the peer or we closed it in the meantime
                socket.socket.shutdown(self._find(), self._how)  # SSLSocket.shutdown would drop the TLS session


class Deadlines:
    """All deadlines of a process. Thread-safe. One thread watches them; it starts with the first deadline."""

    def __init__(self) -> None:
        self._running: set[Deadline] = set()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float, find: Find, how: int = socket.SHUT_RD) -> Deadline:
        """Begin a deadline; the caller has to call `end`. `how`: SHUT_RD ends reading, SHUT_RDWR also writing."""
        if self._thread is None:
            self._start()
        deadline = Deadline(time.monotonic() + seconds, find, how)
        self._running.add(deadline)
        return deadline

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        while True:
            time.sleep(TICK_S)
            now = time.monotonic()
            for each in self._running.copy():
                each.look(now)
                if each.until == float("inf"):
                    self._running.discard(each)
