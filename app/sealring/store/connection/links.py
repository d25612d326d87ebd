"""Links to the store in any topology, with retries and, if configured, confirmation by replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from sealring import fibers
from sealring.errors import StoreUnavailable
from sealring.fibers import Fibers
from sealring.observability import metrics
from sealring.store.connection.cluster import Cluster
from sealring.store.connection.endpoint import Endpoint
from sealring.store.connection.groups import Member
from sealring.store.connection.link import Command, Elsewhere, Link, LinkLost, Patience, Reply
from sealring.store.connection.pool import Pool
from sealring.store.connection.sentinel import primary_of
from sealring.store.connection.store_url import StoreUrl
from sealring.store.connection.topology import OneNode, Topology
from sealring.store.schema.keyspace import fence_beside

WAIT_MS = 700  # less than a reply may take

T = TypeVar("T")

_WAIT_SHORT = metrics.WAIT_SHORT.of()


class Links:
    """Thread-safe. `replicas`: how many replicas must confirm a write."""

    def __init__(self, topology: Topology, replicas: int = 0) -> None:
        self._topology = topology
        self.replicas = replicas

    @classmethod
    def to(cls, url: str, replicas: int = 0) -> Links:
        """Raises SettingsInvalid if the URL is not valid."""
        address = StoreUrl.parse(url)
        if address.scheme == "cluster":
            return cls(Cluster(address), replicas)
        if address.scheme == "sentinel":
            return cls(primary_of(address), replicas)
        return cls(OneNode(Endpoint.each(address)[0].connection), replicas)

    def borrow(self, key: bytes) -> AbstractContextManager[Link]:
        """Lend a link to the node that holds `key`. Raises LinkLost."""
        return self._topology.pool(key).borrow()

    def for_transaction(self, key: bytes, *, alone: bool) -> AbstractContextManager[Link]:
        """Lend a link for WATCH, reads and one EXEC: of a group, if the caller is a fiber and does not ask to be alone.

        Raises LinkLost; MustNotWait if another group waits for the caller.
        """
        fibers.will_wait()
        loop = fibers.current()
        return self.borrow(key) if alone or loop is None else self._in_group(key, loop)

    @contextmanager
    def _in_group(self, key: bytes, loop: Fibers) -> Iterator[Link]:
        member = Member(key, self._topology.pool(key).grouping(self._topology.slot(key)), loop)
        try:
            yield member
        finally:
            member.leave()

    def call(self, *commands: Command) -> list[Reply]:
        """Send commands that may be retried, in one round trip for each node. Raises StoreError."""
        return _patiently(lambda: self._scattered(commands), self.look_again)

    def record(self, key: bytes, *commands: Command) -> list[Reply]:
        """Send commands that may be retried, all in the slot of `key`, and wait until they reach the replicas.

        Raises StoreError.
        """
        if not self.replicas:
            return self.call(*commands)
        waiting = (*commands, (b"WAIT", self.replicas, WAIT_MS))  # others must not wait too
        *replies, reached = _patiently(lambda: _sent_alone(self._topology.pool(key), waiting), self.look_again)
        if not self.are_enough(reached):
            raise StoreUnavailable("The store has too few replicas now. Try again later.")
        return replies

    def confirmed(self, key: bytes, *commands: Command) -> list[Reply]:
        """Read by commands that are all in the slot of `key`, and wait until what was read has reached the replicas.

        Raises StoreError.
        """
        if not self.replicas:
            return self.call(*commands)
        return self.record(key, *commands, fence(key))[:-1]

    def snapshot(self, key: bytes, *commands: Command) -> list[Reply]:
        """Read by several commands at one moment, all in the slot of `key`. A reply may be an exception."""
        replies: list[Reply] = self._on_one_node(key, (b"MULTI",), *commands, (b"EXEC",))[-1]
        return replies

    def write_while(self, key: bytes, value: bytes, *commands: Command) -> list[Reply] | None:
        """Write by commands that may be retried, all in the slot of `key`, in one EXEC, only while `key` holds `value`.

        A reply may be an exception. None: `key` holds something else, and nothing was written. Raises StoreError.
        """
        return _patiently(lambda: self._written_while(key, value, commands), self.look_again)

    def everywhere(self, *commands: Command) -> list[list[Reply]]:
        """Send commands that may be retried to each primary, and return the replies of each. Raises StoreError."""
        return _patiently(lambda: [self._sent(pool, commands) for pool in self._topology.pools()], self.look_again)

    def scan(self, match: bytes) -> Iterator[bytes]:
        """Yield the matching keys of all nodes; one that is written meanwhile may come twice or not at all.

        Raises StoreUnavailable.
        """
        with unbroken():
            for pool in self._topology.pools():
                with pool.borrow() as link:
                    yield from link.scan(match)

    def size(self) -> int:
        """Return how many keys there are, on all nodes. Raises StoreUnavailable."""
        with unbroken():
            return sum(self._sent(pool, [(b"DBSIZE",)])[0] for pool in self._topology.pools())

    def together(self, key: bytes, other: bytes) -> bool:
        """Whether both keys are certainly on one node, so that one send reaches them."""
        return self._topology.together(key, other)

    def are_enough(self, reached: int) -> bool:
        """Return whether a write has reached enough replicas; if not, they may have another primary by now."""
        if reached >= self.replicas:
            return True
        _WAIT_SHORT.add()
        self.look_again()
        return False

    def look_again(self) -> None:
        """Drop the links, because the store may be at other nodes now."""
        self._topology.look_again()

    def close(self) -> None:
        self._topology.look_again()

    def _scattered(self, commands: Sequence[Command]) -> list[Reply]:
        groups = self._topology.spread(commands)
        if len(groups) == 1:
            return self._sent(groups[0][0], commands)
        replies: list[Reply] = [None] * len(commands)
        for pool, places in groups:
            for place, reply in zip(places, self._sent(pool, [commands[place] for place in places]), strict=True):
                replies[place] = reply
        return replies

    def _on_one_node(self, key: bytes, *commands: Command) -> list[Reply]:
        return _patiently(lambda: self._sent(self._topology.pool(key), commands), self.look_again)

    def _written_while(self, key: bytes, value: bytes, commands: Sequence[Command]) -> list[Reply] | None:
        with self.borrow(key) as link:
            _, found = link.send((b"WATCH", key), (b"GET", key))
            if found != value:
                link.send((b"UNWATCH",))
                return None
            replies: list[Reply] | None = link.send((b"MULTI",), *commands, (b"EXEC",))[-1]
            return replies

    def _sent(self, pool: Pool, commands: Sequence[Command]) -> list[Reply]:
        return _sent_alone(pool, commands) if fibers.current() is None else pool.shared().send(*commands)


def _sent_alone(pool: Pool, commands: Sequence[Command]) -> list[Reply]:
    with pool.borrow() as link:
        return link.send(*commands)


def fence(key: bytes) -> Command:
    """Return a write in the slot of `key`: WAIT refers to the last write of its own connection."""
    return (b"SET", fence_beside(key), b"", b"EX", 60)


@contextmanager
def unbroken() -> Iterator[None]:
    """Run a block on one link without retries, since another link may lead to another node. Raises StoreUnavailable."""
    try:
        yield
    except (LinkLost, Elsewhere) as error:
        raise StoreUnavailable("The store does not answer, or another node took over. Start again.") from error


def _patiently(attempt: Callable[[], T], look_again: Callable[[], None]) -> T:
    patience = Patience()
    while True:
        try:
            return attempt()
        except (LinkLost, Elsewhere) as error:
            look_again()
            if not patience.pause():
                raise StoreUnavailable("The store does not answer. Try again later.") from error
