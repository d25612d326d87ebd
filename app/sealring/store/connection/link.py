"""Connections to one node of the store: many commands in one round trip, without hidden retries.

redis-py's clients retry, and its cluster client replays MULTI without its WATCH, so this module uses only its
connections and its parser. After a lost reply, a connection is closed and never reused.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import redis
from hiredis import pack_command
from redis.connection import AbstractConnection
from redis.exceptions import OutOfMemoryError

from sealring import fibers
from sealring.errors import IntegrityFailure, StoreFull, StoreUnavailable
from sealring.observability import metrics
from sealring.observability.trail import Layer, spent

DEADLINE_S = 1.8  # of one use case, so that an unavailable store is a 503 within two seconds

_SCAN_COUNT = 5000  # about a millisecond of the store's time

Command = tuple[bytes | str | int, ...]
Reply = Any  # what RESP2 knows: bytes, int, None, list
Connect = Callable[[], AbstractConnection]

_TRIPS = metrics.STORE_TRIPS.of()


class LinkLost(Exception):
    """The connection broke, or a reply did not come in time. What was sent may have been applied."""


class Elsewhere(Exception):
    """The node did nothing: it is not (yet, or any longer) the one to ask. Find the right node, and retry."""


class Patience:
    """The retries of one use case: growing pauses with jitter, up to a deadline."""

    def __init__(self) -> None:
        self._deadline = time.monotonic() + DEADLINE_S
        self._pause_s = 0.002

    def pause(self) -> bool:
        """Pause for a moment and return True, or return False when the deadline would pass."""
        if time.monotonic() + self._pause_s > self._deadline:
            return False
        fibers.pause(random.uniform(0, self._pause_s))  # noqa: S311  jitter, not a secret
        self._pause_s = min(2 * self._pause_s, 0.05)
        return True


class Link:
    """One connection. Not thread-safe."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection

    def send(self, *commands: Command) -> list[Reply]:
        """Send all commands at once and return all replies.

        Raises LinkLost; Elsewhere, StoreFull, StoreUnavailable or IntegrityFailure if the store refuses one of them.
        """
        return checked(self.replies(*commands))

    def replies(self, *commands: Command) -> list[Reply]:
        """Likewise, with an exception as the reply to a command that the store refuses. Raises LinkLost."""
        packed = b"".join(map(pack_command, commands))  # type: ignore[arg-type] # its stub knows 1-tuples only
        began = time.monotonic()
        try:
            return self._exchanged(packed, len(commands))
        finally:
            ended = time.monotonic()
            _TRIPS.observe(ended - began)
            spent(Layer.STORE, began, ended)

    def snapshot(self, *commands: Command) -> list[Reply]:
        """Read by several commands of one slot at one moment. A reply may be an exception. Raises like `send`."""
        replies: list[Reply] = self.send((b"MULTI",), *commands, (b"EXEC",))[-1]
        return replies

    def scan(self, match: bytes) -> Iterator[bytes]:
        """Yield the node's matching keys: all that exist during the whole scan, and some of the others."""
        yield from _cursor(lambda cursor: self.send((b"SCAN", cursor, b"MATCH", match, b"COUNT", _SCAN_COUNT)))

    def members(self, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield members and scores of a sorted set, with the guarantees of `scan`."""
        flat = _cursor(lambda cursor: self.send((b"ZSCAN", key, cursor, b"COUNT", _SCAN_COUNT)))
        for member in flat:
            yield member, next(flat)

    def close(self) -> None:
        self._connection.disconnect()

    def _exchanged(self, packed: bytes, count: int) -> list[Reply]:
        """Send what is packed, and return `count` replies. Raises LinkLost."""
        try:
            self._connection.send_packed_command([packed], check_health=False)
            return self._read(count)
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            raise LinkLost from error

    def _read(self, count: int) -> list[Reply]:
        read = self._connection.read_response
        replies: list[Reply] = []
        for _ in range(count):
            try:
                replies.append(read())
            except redis.ResponseError as refused:
                replies.append(refused)
        return replies


def _cursor(ask: Callable[[bytes], list[Reply]]) -> Iterator[bytes]:
    cursor = b"0"
    while True:
        ((cursor, found),) = ask(cursor)
        yield from found
        if cursor == b"0":
            return


_ELSEWHERE = ("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS")
_LOST = "UNBLOCKED"  # the node was demoted during WAIT; earlier commands were applied
_UNAVAILABLE = ("MISCONF", "BUSY")
_FORBIDDEN = ("NOAUTH", "NOPERM", "WRONGPASS")

# redis-py removes these first words from the text, and raises a type for each instead.
_ELSEWHERE_TYPES = (
    redis.exceptions.BusyLoadingError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.AskError,  # MovedError is one
    redis.exceptions.TryAgainError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.MasterDownError,
)


def checked(replies: list[Reply]) -> list[Reply]:
    """Return the replies, or raise what the first refusal means, as `Link.send` does."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise _refusal(reply)
    return replies


def _refusal(error: Exception) -> Exception:
    """Return our exception for a store's error. Its text may quote a key, so it is left out."""
    text = str(error)
    if isinstance(error, _ELSEWHERE_TYPES) or text.startswith(_ELSEWHERE):
        return Elsewhere()
    if isinstance(error, redis.ConnectionError) or text.startswith(_LOST):
        return LinkLost()
    if isinstance(error, OutOfMemoryError):
        return StoreFull("The store is full. Tell the operator; nothing was written.")
    if isinstance(error, redis.exceptions.NoPermissionError) or text.startswith(_FORBIDDEN):
        return StoreUnavailable("The store does not let our user do this. Tell the operator.")
    if text.startswith(_UNAVAILABLE):
        return StoreUnavailable("The store cannot accept this now. Try again later.")
    return IntegrityFailure("the store refused a command")
