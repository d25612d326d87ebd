"""A socket whose every operation ends by one deadline.

The timeout of a socket is for one operation, so a server that sends a byte now and then would outlast it. Here each
operation gets only the time that is left.
"""

from __future__ import annotations

import select
import socket
import time

MOST_AT_ONCE = 65_536


class TimedSocket:
    """For one thread at a time. A deadline is in seconds of time.monotonic(); each exchange begins with its own."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self._socket = connected
        self._deadline = deadline

    def begin(self, deadline: float) -> None:
        self._deadline = deadline

    def send(self, message: bytes) -> None:
        """Raises TimeoutError at the deadline; OSError."""
        rest = memoryview(message)
        while rest:
            rest = rest[self._in_time().send(rest) :]

    def receive(self) -> bytes:
        """Return what has come, or nothing at the end. Raises TimeoutError at the deadline; OSError."""
        come = self._in_time().recv(MOST_AT_ONCE)
        left_s(self._deadline)
        return come

    def is_silent(self) -> bool:
        """Whether there is nothing to read: neither a byte that nobody asked for, nor the end of the connection."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._socket.close()

    def _in_time(self) -> socket.socket:
        self._socket.settimeout(left_s(self._deadline))
        return self._socket


def left_s(deadline: float) -> float:
    """Return the seconds until a deadline. Raises TimeoutError if it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
