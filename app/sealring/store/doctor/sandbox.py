"""A corner of the store for the doctor: random keys in one slot, that nobody else uses and that do not stay."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from sealring.store.connection.link import Command, Link
from sealring.store.connection.links import Links
from sealring.store.schema.keyspace import doctor_prefix

LIFE_MS = 60_000  # of a key that a doctor who died left behind


class Sandbox:
    """Not thread-safe. Every key that it names is to be written with `lasting` or followed by `ends`."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._prefix = doctor_prefix(os.urandom(8).hex())
        self._keys: set[bytes] = set()

    def key(self, name: str) -> bytes:
        key = self._prefix + name.encode()
        self._keys.add(key)
        return key

    def borrow(self) -> AbstractContextManager[Link]:
        """Lend a link to where the keys are; one for each that is held at once."""
        return self._links.borrow(self._prefix)

    def hang_up(self) -> None:
        """Drop the connections: a check that was cut short may have left one inside a transaction."""
        self._links.look_again()

    def removal(self) -> Command:
        """The command that removes every key of the sandbox."""
        return (b"DEL", *self._keys)


def lasting(key: bytes, value: bytes, *conditions: bytes) -> Command:
    """The command that sets a key for the time of an examination."""
    return (b"SET", key, value, b"PX", LIFE_MS, *conditions)


def ends(key: bytes) -> Command:
    """The command that ends a key that was not made by `lasting`."""
    return (b"PEXPIRE", key, LIFE_MS)
