"""Bodies of requests: read completely within limits, or discarded before the answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from gunicorn.http.body import Body, LengthReader
from gunicorn.http.errors import ParseException

from sealring.errors import MalformedRequest, PayloadTooLarge, RequestTimeout

Environ = Mapping[str, Any]

BODY_S = 30.0  # for the whole body that a view needs, however slowly it arrives
ARRIVED = "sealring.arrived"  # in an environment: the Outcome of reading a body that no thread has to wait for
_DISCARD_S = 2.0
_DISCARD_BYTES = 64 << 20  # for a file that was sent by mistake; it needs the memory of only one chunk
_CHUNK_BYTES = 1 << 20


class Bodies:
    """Reads bodies of at most `max_bytes`. Thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes

    def read(self, environ: Environ, max_bytes: int | None = None, until: float = float("inf")) -> bytes:
        """Return the body, with a Content-Length or chunked; `until` is the latest end of reading, by time.monotonic().

        Raises PayloadTooLarge, MalformedRequest, RequestTimeout.
        """
        limit = self.max_bytes if max_bytes is None else max_bytes
        declared = environ.get("CONTENT_LENGTH")
        if declared is None:
            raw = _read(environ, limit + 1, until) if environ.get("wsgi.input_terminated") else b""
        elif int(declared or 0) > limit:
            raise too_large(limit)
        else:
            raw = _read(environ, int(declared or 0), until)
            if len(raw) < int(declared or 0):
                raise MalformedRequest("The body is shorter than its Content-Length. Send it whole.")
        if len(raw) > limit:
            raise too_large(limit)
        return raw

    def discard(self, environ: Environ) -> None:
        """Read and discard the rest of a body whose answer is ready; if it is too much, end the connection after that.

        A client that still sends when its connection ends gets a reset, and may never see the answer (RFC 9112, section
        9.6). The limits are two seconds in total, and 64 MiB above the limit of bodies.
        """
        connection = environ.get("gunicorn.socket")
        if connection is None or (body := environ["wsgi.input"]).failed or _is_read(body):
            return
        with _reading_until(time.monotonic() + _DISCARD_S, connection, body), suppress(OSError, ParseException):
            if not _ends_within(self.max_bytes + _DISCARD_BYTES, body):
                body.failed = True  # makes gunicorn end the connection, as after a failed read


def too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is over {max_bytes} bytes. Send a smaller one.")


def cut_short() -> MalformedRequest:
    return MalformedRequest("The body is cut short or badly framed. Send it whole.")


def _read(environ: Environ, size: int, until: float) -> bytes:
    body, connection, end = environ["wsgi.input"], environ.get("gunicorn.socket"), min(time.monotonic() + BODY_S, until)
    try:
        with nullcontext() if connection is None else _reading_until(end, connection, body):
            raw: bytes = body.read(size)
    except TimeoutError as error:  # the connection ends with the answer: gunicorn knows that reading failed
        raise RequestTimeout from error
    except (OSError, ParseException) as error:  # a malformed chunk, or a client that disconnected
        raise cut_short() from error
    return raw


def _is_read(body: Body) -> bool:
    reader = body.reader
    return not (reader.length if isinstance(reader, LengthReader) else reader.parser)


def _ends_within(size: int, body: Body) -> bool:
    while size > 0:
        chunk = body.read(min(size, _CHUNK_BYTES))
        if not chunk:
            return True
        size -= len(chunk)
    return False


@contextmanager
def _reading_until(end: float, connection: socket.socket, body: Body) -> Iterator[None]:
    """End each read of a body at `end`, by time.monotonic().

    A socket's timeout applies to one recv, and gunicorn's readers call recv until they have all bytes.
    """
    unreader = body.reader.unreader if isinstance(body.reader, LengthReader) else body.reader.req.unreader
    before = connection.gettimeout()
    unreader.sock = _Until(end, connection)
    try:
        yield
    finally:
        unreader.sock = connection
        connection.settimeout(before)


class _Until:
    """A socket for gunicorn's readers, with one deadline for all reads."""

    def __init__(self, end: float, connection: socket.socket) -> None:
        self._end = end
        self._connection = connection

    def recv(self, size: int) -> bytes:
        self._connection.settimeout(max(self._end - time.monotonic(), 0.001))  # 0 would mean non-blocking
        return self._connection.recv(size)
