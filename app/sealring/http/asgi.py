"""ASGI 3: what only the store and providers can hold up runs in fibers on the event loop, everything else in Flask.

A request and its reply pass between two parties: the coroutine, which has the connection, and the fiber, which has the
use case. The coroutine reads the body only when the fiber asks for it, so only if the caller is known. Of a page, it
reads the form before a thread has anything to do with it, so that no thread waits for a client.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from a2wsgi import WSGIMiddleware

from sealring.admission.fronts import FORM_S
from sealring.admission.guard import request_id_of
from sealring.admission.replies import Reply
from sealring.errors import InputError, LimitError, Overloaded, RequestTimeout, TooManyRequests
from sealring.fibers import Fibers, Outcome
from sealring.http.bodies import ARRIVED, cut_short, too_large
from sealring.http.dispatch import Found, Server

Scope = MutableMapping[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FLASK_THREADS = 8
PAGE_THREADS = 2  # for pages alone: the loop and the health of the server wait for no others
BODIES_BYTES = 256 << 20  # of all requests of a worker at once
UNREADABLE = "sealring.unreadable"  # in a scope: the rest of the body will not come; makes the InputError that says why


class Room:
    """How many bytes of bodies a worker may keep: of no owner more than are free. Only for the loop's thread.

    So a single owner gets half, as of the places of Shares.
    """

    __slots__ = ("_of", "left")

    def __init__(self, size: int) -> None:
        self.left = size
        self._of: dict[Hashable, int] = {}

    def take(self, owner: Hashable, size: int) -> None:
        """Raises TooManyRequests for what the owner may not have; Overloaded if it has nothing yet."""
        if not size:
            return
        taken, left = self._of.get(owner, 0) + size, self.left - size
        if taken > left:
            if owner in self._of:
                raise TooManyRequests("Too much of the organization arrives at once. Try again later.")
            raise Overloaded("The server is busy. Try again later.")
        self._of[owner] = taken
        self.left = left

    def give_back(self, owner: Hashable, size: int) -> None:
        """Give back bytes that were taken."""
        if not size:
            return
        self.left += size
        self._of[owner] -= size
        if not self._of[owner]:
            del self._of[owner]


class AsgiServer:
    """The ASGI application. Its fibers begin with the loop."""

    def __init__(self, server: Server, begun: Callable[[Fibers], None] = lambda _fibers: None) -> None:
        """`begun` is called before the first request."""
        self._server = server
        self._begun = begun
        self._room = Room(BODIES_BYTES)
        self._in_threads: Any = WSGIMiddleware(self._in_flask, workers=FLASK_THREADS)  # its types are of its own
        self._in_page_threads: Any = WSGIMiddleware(self._in_flask, workers=PAGE_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        exchange = Exchange(scope, receive, self._server.max_body_bytes, self._room, self._fibers)
        found = self._server.hot(exchange)
        if found is not None:
            await exchange.run(found, send)
        elif (pages := self._server.pages_for(exchange.path, exchange.header("host") or "")) is not None:
            async with exchange.form(pages.max_form_bytes):
                await self._in_page_threads(scope, receive, send)
        else:
            await self._in_threads(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._fibers = Fibers(asyncio.get_running_loop())
        self._begun(self._fibers)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._fibers.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _in_flask(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        raw: bytes = environ["asgi.scope"]["raw_path"]
        environ["PATH_INFO"] = unquote_to_bytes(raw).decode("latin-1")  # a2wsgi replaces what is not UTF-8
        environ["RAW_URI"] = raw.decode("latin-1")
        environ[ARRIVED] = environ["asgi.scope"].get(ARRIVED)
        return self._server(environ, start_response)


class Exchange:
    """One request and its reply; to the guard and its views, the Request."""

    __slots__ = (
        "_fibers",
        "_give_body",
        "_headers",
        "_max_bytes",
        "_outcome",
        "_owner",
        "_receive",
        "_room",
        "_scope",
        "_taken",
        "_timer",
        "_until",
        "_wake",
        "method",
        "path",
    )

    def __init__(self, scope: Scope, receive: Receive, max_bytes: int, room: Room, fibers: Fibers) -> None:
        self._room = room
        self._taken = 0  # bytes of that room
        self._owner: Hashable = None  # that they count for
        self._scope = scope
        self._receive = receive
        self._max_bytes = max_bytes
        self._fibers = fibers
        self._outcome: Outcome[Reply] | None = None
        self._until: float | None = None  # by time.monotonic()
        self._timer: asyncio.TimerHandle | None = None  # of a reply that is sent then
        self._give_body: Callable[[Outcome[bytes]], None] | None = None  # set: the fiber waits for the body
        self._wake: asyncio.Future[None] | None = None  # set: the coroutine waits for the fiber
        headers = scope["headers"]
        self._headers: dict[bytes, bytes] = dict(headers)
        if len(self._headers) < len(headers):
            self._headers = _joined(headers)
        self.method: str = scope["method"]
        raw: bytes = scope["raw_path"]
        self.path = unquote_to_bytes(raw) if b"%" in raw else raw

    @property
    def target(self) -> str:
        raw: bytes = self._scope["raw_path"]
        return raw.decode("latin-1")

    @property
    def query(self) -> str:
        query: bytes = self._scope["query_string"]
        return query.decode("latin-1")

    @property
    def peer(self) -> str:
        client = self._scope["client"]
        return "" if client is None else client[0]

    def header(self, name: str) -> str | None:
        value = self._headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def body(self, max_bytes: int | None = None, owner: Hashable = None) -> bytes:
        self._owner = owner
        if max_bytes is not None:
            self._max_bytes = max_bytes
        if self._outcome is not None:  # it is too late, and the connection is no longer of this request
            raise RequestTimeout

        def begin(give: Callable[[Outcome[bytes]], None]) -> None:
            self._give_body = give
            self._tell()

        return self._fibers.suspend(begin).get()

    def reserve(self, size: int) -> None:
        self._room.take(self._owner, size)
        self._taken += size

    def answer_by(self, until: float, late: Reply) -> None:
        def end() -> None:
            self._outcome = Outcome(late)
            self._tell()

        self._until = until
        self._timer = self._fibers.loop.call_later(max(0.0, until - time.monotonic()), end)

    @asynccontextmanager
    async def form(self, max_bytes: int) -> AsyncIterator[None]:
        """Read the form of a page, if it is one, and keep room for it until the block ends."""
        if self.method == "POST":
            self._max_bytes, self._until = max_bytes, time.monotonic() + FORM_S
            self._scope[ARRIVED] = await self._received()
        try:
            yield
        finally:
            self._room.give_back(self._owner, self._taken)

    async def run(self, found: Found, send: Send) -> None:
        request_id = request_id_of(self)
        self._fibers.start(lambda: self._answer(found, request_id))
        while self._outcome is None or self._give_body is not None:
            if self._give_body is not None:
                give, self._give_body = self._give_body, None
                give(await self._received())
            else:
                self._wake = self._fibers.loop.create_future()
                await self._wake
        reply = self._outcome.get()
        await send({"type": "http.response.start", "status": reply.status, "headers": _fields(reply, request_id)})
        await send({"type": "http.response.body", "body": reply.body})

    def _answer(self, found: Found, request_id: str) -> None:
        self._outcome = Outcome.of(lambda: found.endpoint.respond(self, found.values, request_id))
        self._room.give_back(self._owner, self._taken)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tell()

    def _tell(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _received(self) -> Outcome[bytes]:
        """Read the whole body, if that is within the limits."""
        try:
            if self._until is None:
                return Outcome(await self._read())
            async with asyncio.timeout(self._until - time.monotonic()):
                return Outcome(await self._read())
        except TimeoutError:
            return Outcome(failure=RequestTimeout())
        except (InputError, LimitError) as refused:
            return Outcome(failure=refused)

    async def _read(self) -> bytes:
        """Raises PayloadTooLarge; MalformedRequest if the client ends the connection; what makes it unreadable."""
        if int(self.header("content-length") or 0) > self._max_bytes:
            raise too_large(self._max_bytes)
        pieces, more = [], True
        while more:
            message = await self._receive()
            why = self._scope.get(UNREADABLE)
            if why is not None:
                raise why()
            if message["type"] != "http.request":
                raise cut_short()
            piece = message["body"]
            self._room.take(self._owner, len(piece))
            self._taken += len(piece)
            pieces.append(piece)
            more = message["more_body"]
            if self._taken > self._max_bytes:
                raise too_large(self._max_bytes)
        return b"".join(pieces)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Join fields of the same name, as WSGI does: two tokens are no token."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = value if name not in joined else joined[name] + b"," + value
    return joined


def _fields(reply: Reply, request_id: str) -> list[tuple[bytes, bytes]]:
    return [
        *_usual(reply.content_type, reply.cache_control),
        (b"Content-Length", b"%d" % len(reply.body)),
        (b"X-Request-ID", request_id.encode()),
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers),
    ]


@lru_cache(64)
def _usual(content_type: str, cache_control: str) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"Content-Type", content_type.encode()),
        (b"Cache-Control", cache_control.encode()),
        (b"X-Content-Type-Options", b"nosniff"),
    )
