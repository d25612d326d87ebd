"""Bodies of requests: read whole and within their limit, or read away where the request is refused."""

from __future__ import annotations

import time
from contextlib import suppress

from gunicorn.http.errors import ParseException

from sealring.errors import MalformedRequest, PayloadTooLarge
from sealring.http.replies import Environ

_DISCARD_S = 2.0
_DISCARD_SLACK_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16


class UnsupportedMediaType(Exception):
    """The body is not declared as JSON."""


class Bodies:
    """Reads bodies of at most `max_bytes`. Thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def read(self, environ: Environ) -> bytes:
        """Return the body, with a Content-Length or chunked. Raises PayloadTooLarge, MalformedRequest."""
        declared = environ.get("CONTENT_LENGTH")
        if declared is None:
            raw = _read(environ, self._max_bytes + 1) if environ.get("wsgi.input_terminated") else b""
        elif int(declared or 0) > self._max_bytes:
            raise self._too_large()
        else:
            raw = _read(environ, int(declared or 0))
            if len(raw) < int(declared or 0):
                raise MalformedRequest("The body is shorter than its Content-Length. Send it whole.")
        if len(raw) > self._max_bytes:
            raise self._too_large()
        if raw and environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaType
        return raw

    def discard(self, environ: Environ) -> None:
        """Read what is left of a refused body: a client that still sends would meet a reset, and no answer.

        Bounded by the limit of bodies and by two seconds; whoever sends more meets the reset.
        """
        connection = environ.get("gunicorn.socket")
        if connection is None or not _has_body(environ):
            return
        before = connection.gettimeout()
        connection.settimeout(_DISCARD_S)
        try:
            with suppress(OSError, ParseException):
                self._discard(environ)
        finally:
            connection.settimeout(before)

    def _discard(self, environ: Environ) -> None:
        left = self._max_bytes + _DISCARD_SLACK_BYTES
        until = time.monotonic() + _DISCARD_S
        while left > 0 and time.monotonic() < until:
            chunk = environ["wsgi.input"].read(min(left, _CHUNK_BYTES))
            if not chunk:
                return
            left -= len(chunk)

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"The body is over {self._max_bytes} bytes. Send a smaller one.")


def _read(environ: Environ, size: int) -> bytes:
    try:
        raw: bytes = environ["wsgi.input"].read(size)
    except (OSError, ParseException) as error:  # a chunk that is none, or a client that went away
        raise MalformedRequest("The body is cut short or badly framed. Send it whole.") from error
    return raw


def _has_body(environ: Environ) -> bool:
    return environ.get("CONTENT_LENGTH") not in {None, "", "0"} or bool(environ.get("HTTP_TRANSFER_ENCODING"))
