"""The claim of a restore: what stands in the place of the layout, and of each marker, until a store is whole.

So nothing takes a store that is being filled for one that is ready: no server, no command, no other restore. And each
write watches the claim of its partition: a restore that slept while others emptied the store, and filled it anew,
writes nothing any more. Wherever a restore is cut short, its claim stays; emptying the store takes it away.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from sealring.domain.layout import Layout
from sealring.errors import BackupRefused
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.connection.links import Links
from sealring.store.layout import CLAIM, check_unclaimed, holds_nothing, not_empty
from sealring.store.schema.keyspace import LAYOUT, Keyspace, partition_of
from sealring.store.transaction import Commit, transact

_CLAIM_BYTES = 16


class Claim:
    """Of one restore. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace) -> None:
        self._links = links
        self._keyspace = keyspace
        self._value = CLAIM + os.urandom(_CLAIM_BYTES)

    def take(self) -> None:
        """Claim an empty store. Raises SettingsInvalid where it is not, or is another restore's; StoreError."""
        if not self._stands(LAYOUT):
            check_unclaimed(self._links)
            raise not_empty()
        if not holds_nothing(self._links, but=LAYOUT):
            self._links.write_while(LAYOUT, self._value, (b"DEL", LAYOUT))
            raise not_empty()
        if not all(self._stands(self._keyspace.marker(each)) for each in range(self._keyspace.partitions)):
            raise _lost()

    def write(self, key: bytes, *commands: Command) -> list[Reply]:
        """Write by commands that may be repeated, all of the slot of `key`, while the claim of that partition stands.

        A reply may be an exception. Raises BackupRefused where another stands there, or none; StoreError.
        """
        replies = self._links.write_while(self._keyspace.marker(partition_of(key)), self._value, *commands)
        if replies is None:
            raise _lost()
        return replies

    def fulfil(self, markers: Sequence[tuple[bytes, bytes]], layout: Layout) -> None:
        """Put markers, by key, and then the layout in its place. Raises as `write` does."""
        for key, marker in markers:
            self._replace(key, marker)
        self._replace(LAYOUT, layout.encode())

    def _stands(self, key: bytes) -> bool:
        """Whether it does, once it was put where nothing was."""
        *_, found = self._links.record(key, (b"SET", key, self._value, b"NX"), (b"GET", key))
        return bool(found == self._value)

    def _replace(self, key: bytes, value: bytes) -> None:
        def attempt(link: Link, lost: Sequence[None]) -> Commit[None]:
            _, found = link.send((b"WATCH", key), (b"GET", key))
            landed = bool(lost) and found == value  # an earlier EXEC of ours, whose answer was lost
            if found != self._value and not landed:
                raise _lost()
            return Commit(((b"SET", key, value),), None)

        transact(self._links, key, attempt)


def _lost() -> BackupRefused:
    return BackupRefused(
        "the store was emptied, or is another restore's, since this one began: it wrote nothing more; let one restore "
        "at a time run, into an empty store"
    )
