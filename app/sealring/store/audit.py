"""The audit outbox: a stream for each partition, with entries appended in the transaction of the change."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.decision import Epoch
from sealring.domain.events import Event
from sealring.domain.kek import KekUse
from sealring.domain.ports import ItemEvents, Owner
from sealring.errors import StoreError
from sealring.observability import metrics
from sealring.store.batches import in_batches
from sealring.store.binding_uses import LastUses
from sealring.store.connection.link import Command, Reply
from sealring.store.connection.links import Links
from sealring.store.kek_uses import counting
from sealring.store.markers import Markers
from sealring.store.schema.audit_entry import FIELD, MAX_REFUSED, AuditEntry, encode_entry
from sealring.store.schema.keyspace import Keyspace

_AT_ONCE = 32  # batches in one send: the loop, and the store, serve others in between
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
        self.noting = LastUses(keyspace).noting  # of customers' keys, in the send that appends the event
        self._boot = os.urandom(8)
        self._counters = count(1)
        self._refused: deque[int] = deque()
        self._is_blocked = False

    def append(self, event: Event, uses: Sequence[KekUse] = ()) -> Epoch | None:
        home = self._keyspace.home(event.environment, event.org)
        epoch_key = self._keyspace.epoch(home)
        counted = (*counting(self._keyspace, event.environment, event.org, uses), *self.noting(event))
        entry, marker = self.entry(event).command, self._markers.reading(home.partition)
        *_, found, epoch = self.record(epoch_key, entry, *counted, marker, (b"GET", epoch_key))
        self._markers.check(home.partition, found)  # the response was decided from caches only
        return Epoch(epoch) if epoch is not None else None

    def append_all(self, batches: Sequence[ItemEvents], owners: Collection[Owner]) -> Mapping[Owner, Epoch | None]:
        by_owner: dict[Owner, list[ItemEvents]] = {}
        for batch in batches:
            by_owner.setdefault(batch.owner, []).append(batch)
        found = {owner: self._append_each(owner, of_owner) for owner, of_owner in by_owner.items()}
        return found if list(found) == list(owners) and len(found) <= 1 else self._epochs(owners)

    def _append_each(self, owner: Owner, of_owner: Sequence[ItemEvents]) -> Epoch | None:
        """Return the epoch, read with the last of the entries."""
        epoch: bytes | None = None
        home = self._keyspace.home(*owner)
        epoch_key, marker = self._keyspace.epoch(home), self._markers.reading(home.partition)
        for some in in_batches(of_owner, _AT_ONCE):
            commands = [command for batch in some for command in self._commands(batch)]
            *_, found, epoch = self.record(epoch_key, *commands, marker, (b"GET", epoch_key))
            self._markers.check(home.partition, found)
        return Epoch(epoch) if epoch is not None else None

    def _commands(self, batch: ItemEvents) -> Iterator[Command]:
        yield from counting(self._keyspace, *batch.owner, batch.uses)
        yield from self.noting(batch.event)
        yield self.entry(batch.event, tuple(batch.items)).command

    def _epochs(self, owners: Collection[Owner]) -> Mapping[Owner, Epoch | None]:
        """Read the epochs of organizations, all in one round trip if no replica has to confirm."""
        homes = {owner: self._keyspace.home(*owner) for owner in owners}
        readings = [(b"GET", self._keyspace.epoch(home)) for home in homes.values()]
        if self._links.replicas:
            replies = [self._links.confirmed(reading[1], reading)[0] for reading in readings]
        else:
            replies = self._markers.load_each(sorted({home.partition for home in homes.values()}), readings)
        return {owner: None if raw is None else Epoch(raw) for owner, raw in zip(homes, replies, strict=True)}

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

    def entry(self, event: Event, items: tuple[tuple[int, int], ...] = ()) -> Appending:
        """Return the entry of an event, or of those of items of a batch, for a pipeline or a transaction."""
        partition = self._keyspace.partition(event.environment, event.org)
        counter = next(self._counters)
        refused = self._taken()
        body = encode_entry(self._keys, partition, AuditEntry(event, self._boot, counter, refused, items))
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
