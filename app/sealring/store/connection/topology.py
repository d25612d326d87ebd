"""Where keys are: on one node, on the current primary, or on the nodes of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sealring.store.connection.link import Command, Connect
from sealring.store.connection.pool import Pool


class Topology(Protocol):
    """Thread-safe. Raises LinkLost if no node can be found."""

    def pool(self, key: bytes) -> Pool:
        """Return the links to the primary that holds the key; to any primary if the key is empty."""

    def spread(self, commands: Sequence[Command]) -> Sequence[tuple[Pool, Sequence[int]]]:
        """Return the places of the commands for each node. The second word of a command is its key."""

    def pools(self) -> Sequence[Pool]:
        """Return the links to every primary."""

    def together(self, key: bytes, other: bytes) -> bool:
        """Whether both keys are certainly on the same node now."""

    def slot(self, key: bytes) -> int:
        """Return a number that is the same for keys that one transaction may write."""

    def look_again(self) -> None:
        """Forget the known nodes: one failed, or did not hold a requested key."""


class OneNode:
    """All keys are on the node that `connect` leads to; it may lead to another one after `look_again`."""

    def __init__(self, connect: Connect) -> None:
        self._pool = Pool(connect)
        self._pools = (self._pool,)

    def pool(self, key: bytes) -> Pool:  # noqa: ARG002  the one node holds every key
        return self._pool

    def spread(self, commands: Sequence[Command]) -> Sequence[tuple[Pool, Sequence[int]]]:
        return ((self._pool, range(len(commands))),)

    def pools(self) -> Sequence[Pool]:
        return self._pools

    def together(self, key: bytes, other: bytes) -> bool:  # noqa: ARG002
        return True

    def slot(self, key: bytes) -> int:  # noqa: ARG002
        return 0

    def look_again(self) -> None:
        self._pool.close()
