"""Temporary keys for the doctor: random, in one slot, used by nobody else."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from sealring.store.connection.link import Command, Link
from sealring.store.connection.links import Links
from sealring.store.schema.keyspace import doctor_prefix

LIFE_MS = 60_000  # of a key that an interrupted examination leaves behind


class Sandbox:
    """Not thread-safe. Write each of its keys with `lasting`, or follow the write with `ends`."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._prefix = doctor_prefix(os.urandom(8).hex())
        self._keys: set[bytes] = set()

    def key(self, name: str) -> bytes:
        key = self._prefix + name.encode()
        self._keys.add(key)
        return key

    def borrow(self) -> AbstractContextManager[Link]:
        """Lend a link to the node of the keys. Several may be lent at once."""
        return self._links.borrow(self._prefix)

    def hang_up(self) -> None:
        """Drop the connections: an interrupted check may have left one inside a transaction."""
        self._links.look_again()

    def removal(self) -> Command:
        """Return the command that removes every key of the sandbox."""
        return (b"DEL", *self._keys)


def lasting(key: bytes, value: bytes, *conditions: bytes) -> Command:
    """Return the command that sets a key for the time of an examination."""
    return (b"SET", key, value, b"PX", LIFE_MS, *conditions)


def ends(key: bytes) -> Command:
    """Return the command that gives a lifetime to a key that was not set by `lasting`."""
    return (b"PEXPIRE", key, LIFE_MS)
