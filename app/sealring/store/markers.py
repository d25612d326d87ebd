"""Markers: each partition's proof that it belongs to this store, with its generation.

    store id 16 ‖ generation 16 ‖ MAC 16, which also covers the partition

Every load reads the marker of its partition in the same round trip, and every write watches it. If the marker is
missing or of another store, the store was emptied or replaced: sealring never mistakes it for an empty one. All
partitions have the same generation: the store's id after `sealring init`, a random one after a restore and after
`sealring init --layout`. With a new generation, everything that was cached from the store is outdated.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Sequence
from threading import Lock

from sealring.crypto.store_keys import DIGEST_BYTES, StoreKeys
from sealring.errors import IntegrityFailure, StoreLost
from sealring.store.connection.link import Command, Reply
from sealring.store.connection.links import Links
from sealring.store.schema.keyspace import Keyspace

ID_BYTES = 16
_UNKNOWN = object()  # before the first read; no marker equals it


class Markers:
    """Thread-safe. A load costs one more GET, about 3 µs, and a check a comparison of bytes."""

    def __init__(self, links: Links, keyspace: Keyspace, keys: StoreKeys, store_id: bytes) -> None:
        self._links = links
        self._keyspace = keyspace
        self._keys = keys
        self._store_id = store_id
        self._lock = Lock()
        self._readings: tuple[Command, ...] = tuple(
            (b"GET", keyspace.marker(partition)) for partition in range(keyspace.partitions)
        )
        self._expected: tuple[object, ...] = (_UNKNOWN,) * keyspace.partitions
        self._forgetting: list[Callable[[], None]] = []

    def when_renewed(self, forget: Callable[[], None]) -> None:
        """Call `forget` when the store's generation changes: caches are then outdated."""
        self._forgetting.append(forget)

    def load(self, partition: int, *commands: Command) -> list[Reply]:
        """Read from a partition of this store, by commands that may be retried. Raises StoreError."""
        marker, *replies = self._links.call(self.reading(partition), *commands)
        self.check(partition, marker)
        return replies

    def load_each(self, partitions: Sequence[int], commands: Sequence[Command]) -> list[Reply]:
        """Likewise, from several partitions, in one round trip for each node. Commands may outnumber partitions."""
        replies = self._links.call(*map(self.reading, partitions), *commands)
        for partition, marker in zip(partitions, replies, strict=False):
            self.check(partition, marker)
        return replies[len(partitions) :]

    def snapshot(self, partition: int, *commands: Command) -> list[Reply]:
        """Likewise, at one moment."""
        replies = self.replies(partition, *commands)
        if any(isinstance(each, Exception) for each in replies):  # of a key of another type
            raise IntegrityFailure("the store refused a command")
        return replies

    def replies(self, partition: int, *commands: Command) -> list[Reply]:
        """Likewise, with an exception as the reply about a key of another type."""
        marker, *replies = self._links.snapshot(self.key(partition), self.reading(partition), *commands)
        self.check(partition, marker)
        return replies

    def key(self, partition: int) -> bytes:
        """Return the key that a write watches."""
        return self._keyspace.marker(partition)

    def reading(self, partition: int) -> Command:
        """Return the command for the reply that `check` takes."""
        return self._readings[partition]

    def check(self, partition: int, marker: Reply) -> None:
        """Raises StoreLost if the partition does not belong to this store."""
        if marker != self._expected[partition]:
            self._learn(partition, marker)

    def begin(self) -> None:
        """Mark every partition of a new store. May be retried. Raises StoreError."""
        self._write(self._store_id)

    def begin_again(self) -> None:
        """Mark every partition of a store that is empty again with a new generation. Raises StoreError."""
        self._write(os.urandom(ID_BYTES))

    def anew(self) -> Sequence[tuple[bytes, bytes]]:
        """Return the markers of a new generation, for a restored store: key and value."""
        return self._by_key(os.urandom(ID_BYTES))

    def _write(self, generation: bytes) -> None:
        for key, marker in self._by_key(generation):
            self._links.record(key, (b"SET", key, marker))

    def _by_key(self, generation: bytes) -> Sequence[tuple[bytes, bytes]]:
        return [(self.key(partition), marker) for partition, marker in enumerate(self._of(generation))]

    def check_all(self) -> None:
        """Raises StoreLost if a partition does not belong to this store; StoreError."""
        partitions = range(self._keyspace.partitions)
        for each, marker in zip(partitions, self._links.call(*map(self.reading, partitions)), strict=True):
            self.check(each, marker)

    def lacking(self) -> Sequence[int]:
        """Return the partitions that do not belong to this store. Raises StoreError."""
        return [each for each in range(self._keyspace.partitions) if self._is_lacking(each)]

    def _is_lacking(self, partition: int) -> bool:
        try:
            self.snapshot(partition)
        except StoreLost:
            return True
        return False

    def _learn(self, partition: int, marker: Reply) -> None:
        generation = self._generation(partition, marker)
        if generation is None:
            raise StoreLost
        with self._lock:
            first, known = self._expected[partition] is _UNKNOWN, self._of(generation)
            if known == self._expected:  # another thread was quicker
                return
            for forget in () if first else self._forgetting:
                forget()
            self._expected = known  # last: no thread may pass a check with what was known of another generation

    def _generation(self, partition: int, marker: Reply) -> bytes | None:
        if not isinstance(marker, bytes) or len(marker) != 2 * ID_BYTES + DIGEST_BYTES:
            return None
        generation = marker[ID_BYTES : 2 * ID_BYTES]
        return generation if hmac.compare_digest(marker, self._marker(partition, generation)) else None

    def _of(self, generation: bytes) -> tuple[bytes, ...]:
        return tuple(self._marker(each, generation) for each in range(self._keyspace.partitions))

    def _marker(self, partition: int, generation: bytes) -> bytes:
        body = self._store_id + generation
        return body + self._keys.record(b"marker" + partition.to_bytes(2, "big") + body)
