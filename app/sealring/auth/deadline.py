"""One deadline for a whole exchange with a peer."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Self


class Deadline:
    """A block with a deadline, at which its connections are shut down: then each read and write of them ends at once.

    The timeout of a socket is not enough: it starts again with each byte. Nothing ends a name lookup. For one thread.
    """

    def __init__(self, after_s: float) -> None:
        self._at = time.monotonic() + after_s
        self._timer = threading.Timer(after_s, self._shut_down)
        self._timer.daemon = True
        self._turn = threading.Lock()
        self._connections: list[socket.socket] = []  # duplicates: the originals may be closed, and their numbers reused
        self._passed = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        """Raises TimeoutError if the deadline has passed, even if the block succeeded: its answer may be incomplete."""
        self._timer.cancel()
        with self._turn:
            while self._connections:
                self._connections.pop().close()
            if self._passed:
                raise TimeoutError("the answer took too long")

    def connect(self, address: tuple[str, int], *_of_the_library: object) -> socket.socket:
        """Connect to the first address of the host that answers; each gets a share of the time. Raises OSError."""
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        for number, (*_, where) in enumerate(found):
            try:
                return self._connected((str(where[0]), int(where[1])), len(found) - number)
            except OSError as error:
                failure = error
        raise failure

    def _connected(self, address: tuple[str, int], addresses_left: int) -> socket.socket:
        left_s = self._at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("no time is left")
        connection = socket.create_connection(address, left_s / addresses_left)
        connection.settimeout(left_s)
        self._watch(connection)
        return connection

    def _watch(self, connection: socket.socket) -> None:
        with self._turn:
            self._connections.append(connection.dup())
            passed = self._passed
        if passed:
            self._shut_down()

    def _shut_down(self) -> None:
        with self._turn:
            self._passed = True
            for each in self._connections:
                with suppress(OSError):  # the peer has closed it
                    each.shutdown(socket.SHUT_RDWR)
