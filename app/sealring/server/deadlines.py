"""Deadlines of connections: absolute ones, which no byte that arrives puts off."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

TICK_S = 0.5  # how late an end may be

Find = Callable[[], socket.socket]  # TLS puts another socket in the place of the first


class Deadline:
    """Of one connection. Past it, nothing more is read from the connection: whoever waits there sees its end."""

    __slots__ = ("_find", "_how", "_lock", "passed", "until")

    def __init__(self, until: float, find: Find, how: int) -> None:
        self._find = find
        self._how = how
        self._lock = threading.Lock()
        self.until = until
        self.passed = False

    def end(self) -> bool:
        """It is no longer needed. Return whether it has passed. May be repeated."""
        with self._lock:
            self.until = float("inf")
            return self.passed

    def look(self, now: float) -> None:
        """Pass, if it is time."""
        with self._lock:
            if now < self.until:
                return
            self.until, self.passed = float("inf"), True
            with suppress(OSError):  # the peer or we closed it meanwhile
                socket.socket.shutdown(self._find(), self._how)  # a TLS socket's own would forget its session


class Deadlines:
    """Thread-safe. One thread watches over all deadlines of a process; it starts with the first of them."""

    def __init__(self) -> None:
        self._running: set[Deadline] = set()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float, find: Find, how: int = socket.SHUT_RD) -> Deadline:
        """`how`: SHUT_RD ends reading, SHUT_RDWR writing as well. What begins has to end."""
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
