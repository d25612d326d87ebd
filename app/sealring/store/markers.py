"""Markers: what each partition holds to say that it is a part of this store, and of which generation.

    store id 16 ‖ generation 16 ‖ MAC 16, over the partition as well

Every load reads the marker of its partition in the same send, and every write watches it. One that is missing, or of
another store, means that the store was emptied or replaced: it is never taken for an empty one. A generation is random,
drawn by `sealring init` (the first one is the store's id) and by each restore, and the same in all partitions; another
one means that what was known is of another past.
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
_UNKNOWN = object()  # before the first look; whatever stands in a marker, it is not this


class Markers:
    """Thread-safe. A load costs one GET more, some three microseconds, and a check a comparison of bytes."""

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
        """Call `forget` when the store has become another generation: whatever a cache holds is of another past."""
        self._forgetting.append(forget)

    def load(self, partition: int, *commands: Command) -> list[Reply]:
        """Read by commands that may be repeated, from a partition of this store. Raises StoreError."""
        marker, *replies = self._links.call(self.reading(partition), *commands)
        self.check(partition, marker)
        return replies

    def load_each(self, partitions: Sequence[int], commands: Sequence[Command]) -> list[Reply]:
        """Likewise, from several partitions in one send for each node. Commands may be more than partitions."""
        replies = self._links.call(*map(self.reading, partitions), *commands)
        for partition, marker in zip(partitions, replies, strict=False):
            self.check(partition, marker)
        return replies[len(partitions) :]

    def snapshot(self, partition: int, *commands: Command) -> list[Reply]:
        """Likewise, at one moment."""
        marker, *replies = self._links.snapshot(self.key(partition), self.reading(partition), *commands)
        self.check(partition, marker)
        if any(isinstance(each, Exception) for each in replies):  # of a key of another type
            raise IntegrityFailure("the store refused a command")
        return replies

    def key(self, partition: int) -> bytes:
        """What a write watches."""
        return self._keyspace.marker(partition)

    def reading(self, partition: int) -> Command:
        """The command of which `check` takes the reply."""
        return self._readings[partition]

    def check(self, partition: int, marker: Reply) -> None:
        """Raises StoreLost where the partition is not one of this store."""
        if marker != self._expected[partition]:
            self._learn(partition, marker)

    def begin(self) -> None:
        """Mark every partition of a new store. May be repeated. Raises StoreError."""
        self._write(self._store_id)

    def begin_again(self) -> None:
        """Mark every partition as a new generation, of a store that is empty again. Raises StoreError."""
        self._write(os.urandom(ID_BYTES))

    def anew(self) -> Sequence[tuple[bytes, bytes]]:
        """The markers of a new generation, of a store that was restored: key and value."""
        return self._by_key(os.urandom(ID_BYTES))

    def _write(self, generation: bytes) -> None:
        for key, marker in self._by_key(generation):
            self._links.record(key, (b"SET", key, marker))

    def _by_key(self, generation: bytes) -> Sequence[tuple[bytes, bytes]]:
        return [(self.key(partition), marker) for partition, marker in enumerate(self._of(generation))]

    def check_all(self) -> None:
        """Raises StoreLost where a partition is not one of this store; StoreError."""
        partitions = range(self._keyspace.partitions)
        for each, marker in zip(partitions, self._links.call(*map(self.reading, partitions)), strict=True):
            self.check(each, marker)

    def lacking(self) -> Sequence[int]:
        """Return the partitions that are not of this store. Raises StoreError."""
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
            self._expected = known
        if not first:
            for forget in self._forgetting:
                forget()

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
