"""The links to one node: those that threads and fibers borrow, and one that all fibers share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import redis
from redis.connection import AbstractConnection

from sealring import fibers
from sealring.errors import SealringError, StoreUnavailable
from sealring.fibers import Fibers, Joined, Lane, Turns
from sealring.observability.trail import Layer, waited
from sealring.store.connection.groups import Grouping
from sealring.store.connection.link import Connect, Link, LinkLost
from sealring.store.connection.loop_link import LoopLink

ALONE = 64  # links to one node that fibers use alone at once; the others wait for one
TURN_S = 1.0  # for that


class _OnLoop:
    """The links of fibers, which only the loop's thread may use or close."""

    def __init__(self) -> None:
        self.idle: deque[Link] = deque()
        self.shared: LoopLink | None = None

    def close(self) -> None:
        while (link := _popped(self.idle)) is not None:
            link.close()
        if self.shared is not None:
            self.shared.retire()


class Pool:
    """As many links as are borrowed at once. Thread-safe."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._idle: deque[Link] = deque()
        self._on_loop = _OnLoop()
        self._outdated: deque[_OnLoop] = deque()  # to be closed on the loop
        self._opening = Joined(self._opened_shared)
        self._turns = Turns(ALONE)
        self._groupings: dict[int, Grouping] = {}

    def borrow(self) -> AbstractContextManager[Link]:
        """Lend a link. One that may have outstanding replies is closed. Raises LinkLost."""
        loop = fibers.current()
        return _Lent(self, self._idle, self._opened_by_thread) if loop is None else self._borrowed_by_fiber(loop)

    def take_back(self, link: Link, idle: deque[Link]) -> None:
        """Keep a link that is in order, and that was lent of `idle`."""
        if idle is self._idle or idle is self._on_loop.idle:
            idle.append(link)
        else:  # it may lead to an earlier node
            link.close()

    def shared(self) -> LoopLink:
        """Return the link of all fibers, for commands that neither watch keys nor make others wait. Raises LinkLost."""
        link = self._of_loop().shared
        return waited(Layer.STORE, self._opening.get) if link is None or link.lost else link

    def grouping(self, slot: int) -> Grouping:
        """Return what makes groups of transactions of one slot."""
        found = self._groupings.get(slot)
        if found is None:
            found = self._groupings[slot] = Grouping(self.borrow)
        return found

    def close(self) -> None:
        """Close the idle links now, and those in use afterwards; those of fibers when one asks for a link."""
        closed, self._idle = self._idle, deque()
        while (link := _popped(closed)) is not None:
            link.close()
        outdated, self._on_loop = self._on_loop, _OnLoop()
        self._outdated.append(outdated)
        if fibers.current() is not None:
            self._of_loop()

    def _of_loop(self) -> _OnLoop:
        while self._outdated:
            self._outdated.popleft().close()
        return self._on_loop

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                waited(Layer.STORE, lambda: stack.enter_context(self._turns.taken(TURN_S)))
            except TimeoutError:
                raise LinkLost from None
            yield

    @contextmanager
    def _borrowed_by_fiber(self, loop: Fibers) -> Iterator[Link]:
        with self._turn(), _Lent(self, self._of_loop().idle, lambda: self._opened_alone(loop)) as link:
            yield link

    def _opened_by_thread(self) -> Link:
        return Link(waited(Layer.STORE, self._opened))

    def _opened_shared(self) -> LoopLink:
        loop = fibers.required()
        link = LoopLink(loop.aside(self._opened, Lane.STORE), loop)
        self._of_loop().shared = link
        return link

    def _opened_alone(self, loop: Fibers) -> LoopLink:
        self.shared()  # if the node is away, all fibers learn it from one attempt
        return LoopLink(waited(Layer.STORE, lambda: loop.aside(self._opened, Lane.STORE)), loop)

    def _opened(self) -> AbstractConnection:
        """Raises LinkLost; StoreUnavailable if the store refuses the login."""
        try:
            connection = self._connect()
            connection.connect()
        except redis.AuthenticationError as error:
            raise StoreUnavailable(
                "The store refuses the user or the password of its URL. Tell the operator."
            ) from error
        except (redis.RedisError, OSError) as error:
            raise LinkLost from error
        return connection


class _Lent:
    """A link for a block. Each round trip of a thread has one, and a generator would cost 3 µs more."""

    __slots__ = ("_idle", "_link", "_make", "_pool")

    def __init__(self, pool: Pool, idle: deque[Link], make: Callable[[], Link]) -> None:
        self._pool = pool
        self._idle = idle
        self._make = make

    def __enter__(self) -> Link:
        self._link = _popped(self._idle) or self._make()
        return self._link

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, SealringError):
            self._pool.take_back(self._link, self._idle)
        else:
            self._link.close()


def _popped(idle: deque[Link]) -> Link | None:
    try:
        return idle.pop()
    except IndexError:  # asking first would race with other threads
        return None
