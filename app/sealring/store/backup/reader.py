"""Reading a whole store for a backup, partition by partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sealring.store.backup.entries import Entry
from sealring.store.backup.partition_reader import PartitionReader
from sealring.store.connection.links import unbroken
from sealring.store.opened import OpenedStore
from sealring.store.schema.counts import Counts


class Backup:
    """Reads a store once. The entries of one partition are of one moment, different for each partition."""

    def __init__(self, store: OpenedStore, advance: Callable[[int], None]) -> None:
        """`advance` is called with 1 for each key that was scanned."""
        self._store = store
        self._advance = advance
        self.of_data = Counts()  # of the file of data
        self.of_keys = Counts()  # of the file of key records

    def entries(self) -> Iterator[Entry]:
        """Yield the entries of both files, without their EndEntry. Raises StoreError; BackupRefused."""
        for partition in range(self._store.keyspace.partitions):
            yield from self._partition(partition)

    def _partition(self, partition: int) -> Iterator[Entry]:
        with unbroken(), self._store.links.borrow(self._store.keyspace.audit(partition)) as link:
            reader = PartitionReader(link, self._store, partition, self._advance)
            yield from reader.entries()
        self.of_data += reader.tally.of_data
        self.of_keys += reader.tally.of_keys
