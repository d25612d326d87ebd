"""The claim of a restore, stored in place of the layout and of each marker until the store is complete.

So no server, command or other restore mistakes a partly filled store for a ready one. Each write watches the claim of
its partition: a restore that was paused while others emptied the store and filled it again writes nothing any more. The
claim of an interrupted restore stays until the store is emptied.
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
    """The claim of one restore. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace) -> None:
        self._links = links
        self._keyspace = keyspace
        self._value = CLAIM + os.urandom(_CLAIM_BYTES)

    def take(self) -> None:
        """Claim an empty store.

        Raises SettingsInvalid if it is not empty, or another restore's; BackupRefused if that changes; StoreError.
        """
        if not self._stands(LAYOUT):
            check_unclaimed(self._links)
            raise not_empty()
        if not holds_nothing(self._links, but=LAYOUT):
            self._links.write_while(LAYOUT, self._value, (b"DEL", LAYOUT))
            raise not_empty()
        if not all(self._stands(self._keyspace.marker(each)) for each in range(self._keyspace.partitions)):
            raise _lost()

    def write(self, key: bytes, *commands: Command) -> list[Reply]:
        """Write by commands that may be retried, all in the slot of `key`, only while that partition holds the claim.

        A reply may be an exception. Raises BackupRefused if it holds another claim, or none; StoreError.
        """
        replies = self._links.write_while(self._keyspace.marker(partition_of(key)), self._value, *commands)
        if replies is None:
            raise _lost()
        return replies

    def fulfil(self, markers: Sequence[tuple[bytes, bytes]], layout: Layout) -> None:
        """Replace the claim with the markers, by key, and last with the layout. Raises like `write`."""
        for key, marker in markers:
            self._replace(key, marker)
        self._replace(LAYOUT, layout.encode())

    def _stands(self, key: bytes) -> bool:
        """Set the key if it does not exist, and return whether it holds the claim."""
        *_, found = self._links.record(key, (b"SET", key, self._value, b"NX"), (b"GET", key))
        return bool(found == self._value)

    def _replace(self, key: bytes, value: bytes) -> None:
        def attempt(link: Link, lost: Sequence[None]) -> Commit[None]:
            _, found = link.send((b"WATCH", key), (b"GET", key))
            landed = bool(lost) and found == value  # an earlier EXEC of ours, whose reply was lost
            if found != self._value and not landed:
                raise _lost()
            return Commit(((b"SET", key, value),), None)

        transact(self._links, key, attempt)


def _lost() -> BackupRefused:
    return BackupRefused(
        "the store was emptied, or claimed by another restore, while this one ran: it stopped writing; run one restore "
        "at a time, into an empty store"
    )
