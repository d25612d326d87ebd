"""The end of an exchange with a peer, whatever the peer sends and however slowly."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Self


class Deadline:
    """A block that ends in time: then its connections are shut down, so that each read and write of them ends at once.

    The time-out of a socket does not do it: it begins anew with each byte. What no shutting down ends is looking a name
    up. For one thread.
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
        """Raises TimeoutError if the deadline has passed, whatever came of the block: an answer cut short is none."""
        self._timer.cancel()
        with self._turn:
            while self._connections:
                self._connections.pop().close()
            if self._passed:
                raise TimeoutError("the answer came too slowly")

    def connect(self, address: tuple[str, int], *_of_the_library: object) -> socket.socket:
        """Connect to the first address of a host that answers, each in its share of the time. Raises OSError."""
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
