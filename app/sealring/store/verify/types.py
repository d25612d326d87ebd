"""Checks of the types of keys, for kinds of keys that have no other check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sealring.store.connection.link import Command, Link
from sealring.store.schema.keyspace import Keyspace, Kind

_CALLED = {
    Kind.DIRECTORY: "the directory of a name",
    Kind.EPOCH: "the epoch of an organization",
    Kind.OUTCOMES: "the outcome of a request",
}


class TypeSweep:
    """Checks keys of one partition. Raises LinkLost; Elsewhere; StoreError."""

    def __init__(self, link: Link, keyspace: Keyspace, partition: int) -> None:
        self._link = link
        self._keyspace = keyspace
        self._partition = partition

    def wrong_with(self, kind: Kind, rests: Sequence[bytes]) -> Iterator[str]:
        for reply in self._link.snapshot(*(_short_read(kind, self._key(kind, rest)) for rest in rests)):
            if isinstance(reply, Exception):
                yield f"partition {self._partition}: {_CALLED[kind]} is of another type"

    def _key(self, kind: Kind, rest: bytes) -> bytes:
        return self._keyspace.key(self._partition, kind, rest)


def _short_read(kind: Kind, key: bytes) -> Command:
    """Return a cheap read, for keys of any size, that fails if the key is of another type."""
    return (b"GETRANGE", key, 0, 0) if kind is Kind.EPOCH else (b"HEXISTS", key, b"")
