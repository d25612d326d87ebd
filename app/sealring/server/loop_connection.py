"""HTTP connections on the event loop: uvicorn's, with absolute deadlines, limits of heads, and refusals in our format.

uvicorn has no deadline for a silent client, no limit of a head, and no bound for what arrives after an answer. `sweep`
looks at all connections twice a second: that costs less than timers that each request would set and cancel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sealring.errors import RequestTimeout
from sealring.http import bodies
from sealring.http.asgi import UNREADABLE
from sealring.observability import metrics
from sealring.server import deadlines
from sealring.server.heads import Head, HeadRefused
from sealring.server.loop_room import make_room
from sealring.server.unreadable import refusal

DISCARD_S = 2.0  # for the rest of a body whose answer was sent
STALLED_S = 2.0  # without a byte of an answer being read; then the connection makes room for others, if it has to
DRAIN_S = 1.0  # of a worker that ends, for the next request of a kept connection, whose answer says that it is the last
DISCARD_BYTES = 64 << 20
IN_A_ROW = 64  # requests that wait for the answer to one before them; then the connection ends with their answers

_REFUSED = metrics.REFUSED.of(reason="connections")
_FRAMING = {b"content-length", b"transfer-encoding"}


class Connection(HttpToolsProtocol):
    """One connection: idle, in the head of a request, in an exchange, or lingering at its end."""

    limit = 800  # connections of a worker, which sets it

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.until = 0.0  # the end of its state, by loop.time()
        self.has_served = False
        self._head: Head | None = None
        self._arriving = False  # the current request is not complete
        self._discarded = 0
        self._lingers = False  # what arrives is ignored
        self._ended = False  # nothing more is sent
        self._upgraded: httptools.HttpRequestParser | None = None  # reads a body that the parser left
        self._ends_soon = False  # the next answer is the last
        self.unsent = 0  # bytes of answers at the last sweep
        self._moved_at = 0.0  # when some of them were last seen to be read

    @property
    def is_free(self) -> bool:
        """Whether no request of it is in work, so that the client loses nothing with it."""
        return not self._lingers and (self.cycle is None or self.cycle.response_complete)

    @property
    def is_stalled(self) -> bool:
        """Whether its client has not read an answer for a while."""
        return self.unsent > 0 and self.loop.time() - self._moved_at > STALLED_S

    def sweep(self) -> None:
        """End the connection if its state has lasted too long."""
        now, before = self.loop.time(), self.unsent
        self.unsent = self.transport.get_write_buffer_size()
        if self.unsent < before or not before:
            self._moved_at = now
        if now < self.until or self.transport.is_closing():
            return
        if self._head is not None and self.is_free:
            self._refuse(408)
        elif self.is_free and not self.unsent:
            self.transport.close()
        elif self._arriving and not self._lingers and not self.pipeline:  # its body takes too long
            self._stop(408)
            self.until = now + deadlines.EXCHANGE_S
        else:
            self.transport.abort()

    # --- what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type] # as in uvicorn
        self.until = self.loop.time() + self.timeout_keep_alive
        if len(self.connections) > self.limit and not make_room(self.connections, self):
            _REFUSED.add()
            self._refuse(503)

    def data_received(self, data: bytes) -> None:
        if self._lingers:
            return
        try:
            self._feed(data)
            if self._head is not None:
                self._head.grow(len(data))
        except httptools.HttpParserError as error:
            refused = error.__context__
            self._stop(refused.status if isinstance(refused, HeadRefused) else 400)
        except HeadRefused as refused:
            self._stop(refused.status)

    def eof_received(self) -> bool:  # type: ignore[override] # as asyncio has it
        """Return whether an answer is still to be sent, which TLS does not allow."""
        if self.cycle is None or self.is_free:
            return False
        if self._arriving:
            self._stop(400)
        self.cycle.keep_alive = False
        return self.scheme != "https"

    # --- what the parser tells

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = Head()
        self._arriving = True
        if self.is_free:
            self.until = self.loop.time() + deadlines.HEAD_S

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._of_head.target(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._of_head.field(name.lower(), value):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._of_head.end(self.parser.get_method(), self.parser.get_http_version())
        if len(self.pipeline) >= IN_A_ROW:
            raise HeadRefused(400)
        self._head = None
        if self.is_free:
            self.until = self.loop.time() + bodies.BODY_S
        super().on_headers_complete()
        self.cycle.keep_alive = self.cycle.keep_alive and not self._ends_soon
        self.cycle.transport = _Ending(self)  # type: ignore[assignment] # it has what a cycle uses

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self._discarded += len(body)
            if self._discarded > DISCARD_BYTES:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade() and self._upgraded is None and _has_body(self.headers):
            return  # `_feed` goes on with the body
        self._arriving = False
        super().on_message_complete()
        if not self.pipeline:
            self.until = self.loop.time() + (self.timeout_keep_alive if self.is_free else deadlines.EXCHANGE_S)

    # --- what uvicorn tells

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self.has_served = True
        if self._ended or self.transport.is_closing():
            return
        self.flow.resume_reading()
        now = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            self.until = now + (bodies.BODY_S if self._arriving and not self.pipeline else deadlines.EXCHANGE_S)
        elif self._lingers:
            return
        elif self._head is not None:
            self.until = now + deadlines.HEAD_S
        elif self._arriving:
            self._discarded = 0
            self.until = now + DISCARD_S
        elif not self.transport.get_write_buffer_size():  # else the answer still has its time
            self.until = now + self.timeout_keep_alive

    def end(self) -> None:
        """Close the connection after an answer; a client that still sends would get a reset, and miss the answer."""
        if self._arriving and self.transport.can_write_eof():
            self._linger()
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """End the connection soon: a client that asks just now would not know whether its request was worked on."""
        self._ends_soon = True
        if self.is_free:
            self.until = self.loop.time() + DRAIN_S
            self.loop.call_at(self.until, self.sweep)
        elif self.cycle is not None:
            self.cycle.keep_alive = False

    # ---

    @property
    def _of_head(self) -> Head:
        assert self._head is not None, "the parser began a message"
        return self._head

    def _feed(self, data: bytes) -> None:
        if self._upgraded is not None:
            if self._arriving:
                self._upgraded.feed_data(data)
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline(data[upgrade.args[0] :])

    def _decline(self, rest: bytes) -> None:
        """Serve a request that offers another protocol, without it; its parser is of no more use, even for the body."""
        self.cycle.keep_alive = False
        if not self._arriving:
            self._lingers = True
            return
        self._upgraded = httptools.HttpRequestParser(_Body(self))
        framing = b"".join(b"%s: %s\r\n" % field for field in self.headers if field[0] in _FRAMING)
        self._upgraded.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % framing)
        self._upgraded.feed_data(rest)

    def _stop(self, status: int) -> None:
        """Read no more. What was requested before is answered first."""
        if self.is_free:
            self._refuse(status)
            return
        self._lingers = True
        self.cycle.keep_alive = False
        if self._head is None:  # the body of this request
            why = RequestTimeout if status == 408 else bodies.cut_short
            self.scope[UNREADABLE] = why  # type: ignore[literal-required] # a key of ours
            self.cycle.message_event.set()

    def _refuse(self, status: int) -> None:
        path = "" if self._head is None else self.url.decode("latin-1")  # else it is that of the request before
        self.transport.write(refusal(status, path))
        self._linger()

    def _linger(self) -> None:
        """Send the end of what we send, and ignore what still arrives."""
        self._lingers = self._ended = True
        self.until = self.loop.time() + deadlines.LINGER_S
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()


class _Ending:
    """The transport that a cycle of uvicorn sees: it ends the connection as we do."""

    __slots__ = ("_connection", "is_closing", "write")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        self._connection.end()


class _Body:
    """Passes the body on that another parser reads, and nothing that comes after it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._complete = False

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self._connection.on_body(body)

    def on_message_complete(self) -> None:
        if not self._complete:
            self._complete = True
            self._connection.on_message_complete()


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name in _FRAMING and value != b"0" for name, value in headers)
