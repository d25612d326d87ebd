"""Connections to one node of the store: many commands in one round trip, without hidden retries.

redis-py's clients retry, and its cluster client replays MULTI without its WATCH, so this module uses only its
connections and its parser. After a lost reply, a connection is closed and never reused.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from hiredis import pack_command
from redis.connection import AbstractConnection
from redis.exceptions import OutOfMemoryError

from sealring.errors import IntegrityFailure, SealringError, StoreFull, StoreUnavailable

DEADLINE_S = 1.8  # of one use case, so that an unavailable store is a 503 within two seconds

_SCAN_COUNT = 5000  # about a millisecond of the store's time

Command = tuple[bytes | str | int, ...]
Reply = Any  # what RESP2 knows: bytes, int, None, list
Connect = Callable[[], AbstractConnection]


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
        time.sleep(random.uniform(0, self._pause_s))  # noqa: S311  jitter, not a secret
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
        connection = self._connection
        try:
            packed = b"".join(map(pack_command, commands))  # type: ignore[arg-type] # its stub knows 1-tuples only
            connection.send_packed_command([packed], check_health=False)
            replies = self._read(len(commands))
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            raise LinkLost from error
        for reply in replies:
            if isinstance(reply, redis.ResponseError):
                raise _refusal(reply)
        return replies

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


class Pool:
    """The links to one node: as many as threads use it at once. Thread-safe."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._idle: deque[Link] = deque()

    @contextmanager
    def borrow(self) -> Iterator[Link]:
        """Lend a link. One that may have outstanding replies is closed. Raises LinkLost."""
        idle = self._idle
        link = _popped(idle) or self._new()
        try:
            yield link
        except SealringError:
            self._return(link, idle)
            raise
        except BaseException:
            link.close()
            raise
        self._return(link, idle)

    def close(self) -> None:
        """Close the idle links now, and the lent ones when they come back."""
        closed, self._idle = self._idle, deque()
        while (link := _popped(closed)) is not None:
            link.close()

    def _return(self, link: Link, idle: deque[Link]) -> None:
        if idle is self._idle:
            idle.append(link)
        else:  # it may lead to an earlier node
            link.close()

    def _new(self) -> Link:
        try:
            connection = self._connect()
            connection.connect()
        except redis.AuthenticationError as error:
            raise StoreUnavailable(
                "The store refuses the user or the password of its URL. Tell the operator."
            ) from error
        except (redis.RedisError, OSError) as error:
            raise LinkLost from error
        return Link(connection)


def _popped(idle: deque[Link]) -> Link | None:
    try:
        return idle.pop()
    except IndexError:  # asking first would race with other threads
        return None


_ELSEWHERE = ("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS")
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


def _refusal(error: redis.ResponseError) -> Exception:
    """Return our exception for a store's error. Its text may quote a key, so it is left out."""
    text = str(error)
    if text.startswith("UNBLOCKED"):  # The node was demoted during WAIT; earlier commands were applied.
        return LinkLost()
    if isinstance(error, OutOfMemoryError):
        return StoreFull("The store is full. Tell the operator; nothing was written.")
    if isinstance(error, _ELSEWHERE_TYPES) or text.startswith(_ELSEWHERE):
        return Elsewhere()
    if isinstance(error, redis.exceptions.NoPermissionError) or text.startswith(_FORBIDDEN):
        return StoreUnavailable("The store does not let our user do this. Tell the operator.")
    if text.startswith(_UNAVAILABLE):
        return StoreUnavailable("The store cannot accept this now. Try again later.")
    return IntegrityFailure("the store refused a command")
