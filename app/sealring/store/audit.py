"""The audit outbox: a stream for each partition, with entries appended in the transaction of the change."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.decision import Epoch
from sealring.domain.events import Event
from sealring.domain.kek import KekUse
from sealring.errors import StoreError
from sealring.observability import metrics
from sealring.store.connection.link import Command, Reply
from sealring.store.connection.links import Links
from sealring.store.kek_uses import counting
from sealring.store.markers import Markers
from sealring.store.schema.audit_entry import FIELD, MAX_REFUSED, AuditEntry, encode_entry
from sealring.store.schema.keyspace import Keyspace

_APPEND, _BLOCKED = metrics.AUDIT_APPEND.of(), metrics.AUDIT_BLOCKED.of()


@dataclass(frozen=True, slots=True)
class Appending:
    """The command that appends an entry, and the counters that are not stored if the command is refused."""

    command: Command
    counters: tuple[int, ...]


class RedisAudit:
    """Appends events, each numbered by this worker. The stream's own ids carry the time. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers, keys: StoreKeys) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._keys = keys
        self._boot = os.urandom(8)
        self._counters = count(1)
        self._refused: deque[int] = deque()
        self._is_blocked = False

    def append(self, event: Event, uses: Sequence[KekUse] = ()) -> Epoch | None:
        home = self._keyspace.home(event.environment, event.org)
        epoch_key = self._keyspace.epoch(home)
        counted = counting(self._keyspace, event.environment, event.org, uses)
        entry, marker = self.entry(event).command, self._markers.reading(home.partition)
        *_, found, epoch = self.record(epoch_key, entry, *counted, marker, (b"GET", epoch_key))
        self._markers.check(home.partition, found)  # the response was decided from caches only
        return Epoch(epoch) if epoch is not None else None

    def record(self, key: bytes, *commands: Command) -> list[Reply]:
        """Send commands that append an entry, as `Links.record` does. Raises StoreError."""
        began = time.monotonic()
        try:
            replies = self._links.record(key, *commands)
        except StoreError:
            self._is_blocked = True
            _BLOCKED.set(1)
            raise
        _APPEND.observe(time.monotonic() - began)
        self._unblock()
        return replies

    def look_again(self, check_writable: Callable[[], None]) -> None:
        """If the last event could not be stored, look whether it could now: perhaps nobody reads. Raises StoreError."""
        if self._is_blocked:
            check_writable()
            self._unblock()

    def _unblock(self) -> None:
        if self._is_blocked:
            self._is_blocked = False
            _BLOCKED.set(0)

    def entry(self, event: Event) -> Appending:
        """Return the entry of an event, for a pipeline or a transaction."""
        partition = self._keyspace.partition(event.environment, event.org)
        counter = next(self._counters)
        refused = self._taken()
        body = encode_entry(self._keys, partition, AuditEntry(event, self._boot, counter, refused))
        return Appending((b"XADD", self._keyspace.audit(partition), b"*", FIELD, body), (*refused, counter))

    def refused(self, appending: Appending) -> None:
        """Note that an entry was not appended because its EXEC was refused. A later entry lists its counters."""
        self._refused.extend(appending.counters)

    def _taken(self) -> tuple[int, ...]:
        taken: list[int] = []
        while self._refused and len(taken) < MAX_REFUSED:
            try:
                taken.append(self._refused.popleft())
            except IndexError:  # another thread was quicker
                break
        return tuple(taken)
