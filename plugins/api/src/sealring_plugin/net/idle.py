"""Connections that wait for their next exchange: not too many, and none for too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from sealring_plugin.net.connection import Connection
from sealring_plugin.net.endpoint import Endpoint

MAX_IDLE = 64  # as many calls as sealring makes at once
MAX_IDLE_S = 20.0  # servers and firewalls drop a connection later than that
MAX_AGE_S = 300.0  # the name may lead elsewhere by then, and the certificate may have ended


class IdleConnections:
    """Thread-safe: a connection that is taken is nobody else's until it is put back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: list[Connection] = []  # the first has waited longest
        self._closed = False

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, endpoint: Endpoint) -> Connection | None:
        """Return one that is neither too old nor, as far as can be seen, closed by the other side."""
        while (found := self._last(endpoint)) is not None:
            if self._is_young(found) and found.is_silent():
                return found
            found.close()
        return None

    def put(self, connection: Connection) -> None:
        """Keep a connection for the next exchange, and close those that are too old or too many."""
        connection.idle_since = self._clock()
        with self._lock:
            idle = [*self._idle, connection]
            young = [] if self._closed else [each for each in idle if self._is_young(each)]
            self._idle = young[-MAX_IDLE:]
            dropped = set(idle).difference(self._idle)
        _close(dropped)

    def close(self) -> None:
        """Close all of them, and from now on each that is put back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        _close(idle)

    def abandon(self) -> None:
        """Close a child's copies of what it inherited by a fork; in the parent they stay open. Takes no lock."""
        _close(self._idle)

    def _last(self, endpoint: Endpoint) -> Connection | None:
        with self._lock:
            found = next((each for each in reversed(self._idle) if each.endpoint == endpoint), None)
            if found is not None:
                self._idle.remove(found)
            return found

    def _is_young(self, connection: Connection) -> bool:
        now = self._clock()
        return now - connection.idle_since < MAX_IDLE_S and now - connection.made_at < MAX_AGE_S


def _close(connections: Iterable[Connection]) -> None:
    for each in connections:
        each.close()
