"""TLS with a deadline: OpenSSL gets what has come in pieces, and the deadline is checked after each.

Given a socket, OpenSSL reads messages of the handshake and session tickets for as long as a server sends them, before
it returns and the time can be checked: a flood of them outlasts any timeout.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TypeVar

from sealring_plugin.net.timed import MOST_AT_ONCE, TimedSocket

T = TypeVar("T")


class TlsSocket:
    """A TimedSocket with TLS on it. For one thread at a time."""

    def __init__(self, timed: TimedSocket, context: ssl.SSLContext, host: str) -> None:
        """Shake hands. Raises ssl.SSLError; ValueError for a host that cannot stand in a certificate; as `send`."""
        self._timed = timed
        self._come, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._come, self._going, server_hostname=host)
        self._run(self._tls.do_handshake)

    def certificate(self) -> bytes:
        """Return the certificate of the other side, in DER."""
        return self._tls.getpeercert(binary_form=True) or b""

    def begin(self, deadline: float) -> None:
        self._timed.begin(deadline)

    def send(self, message: bytes) -> None:
        """Raises TimeoutError at the deadline; OSError."""
        rest = memoryview(message)
        while rest:
            rest = rest[self._run(lambda rest=rest: self._tls.write(rest)) :]  # type: ignore[misc]

    def receive(self) -> bytes:
        """Return what has come, or nothing at the end. Raises TimeoutError at the deadline; OSError."""
        try:
            return self._run(lambda: self._tls.read(MOST_AT_ONCE))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # whether an answer was cut off, its length tells
            return b""

    def is_silent(self) -> bool:
        return not self._tls.pending() and not self._come.pending and self._timed.is_silent()

    def close(self) -> None:
        self._timed.close()

    def _run(self, step: Callable[[], T]) -> T:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        if self._going.pending:
            self._timed.send(self._going.read())

    def _fill(self) -> None:
        if come := self._timed.receive():
            self._come.write(come)
        else:
            self._come.write_eof()
