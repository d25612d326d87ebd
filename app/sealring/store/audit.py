"""The audit outbox: a stream for each partition, with entries appended in the transaction of the change."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.decision import Epoch
from sealring.domain.events import Event
from sealring.domain.kek import KekUse
from sealring.domain.ports import Entries, Owner
from sealring.errors import StoreError
from sealring.observability import metrics
from sealring.store.batches import in_batches
from sealring.store.binding_uses import LastUses
from sealring.store.connection.link import Command, Reply
from sealring.store.connection.links import Links
from sealring.store.kek_uses import counting
from sealring.store.markers import Markers
from sealring.store.schema.audit_entry import FIELD, MAX_REFUSED, AuditEntry, encode_alike, encode_entry
from sealring.store.schema.keyspace import Keyspace

_AT_ONCE = 64  # entries in one send: the loop, and the store, serve others in between
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

    def append_all(self, all_entries: Sequence[Entries], owners: Collection[Owner]) -> Mapping[Owner, Epoch | None]:
        by_owner: dict[Owner, list[Entries]] = {}
        for entries in all_entries:
            by_owner.setdefault(entries.owner, []).append(entries)
        found = {owner: self._append_each(owner, of_owner) for owner, of_owner in by_owner.items()}
        return found if list(found) == list(owners) and len(found) <= 1 else self._epochs(owners)

    def _append_each(self, owner: Owner, of_owner: Sequence[Entries]) -> Epoch | None:
        """Return the epoch, read with the last of the entries."""
        epoch: bytes | None = None
        home = self._keyspace.home(*owner)
        epoch_key, marker = self._keyspace.epoch(home), self._markers.reading(home.partition)
        commands = chain.from_iterable(self._commands(owner, home.partition, entries) for entries in of_owner)
        for some in in_batches(commands, _AT_ONCE):
            *_, found, epoch = self.record(epoch_key, *some, marker, (b"GET", epoch_key))
            self._markers.check(home.partition, found)
        return Epoch(epoch) if epoch is not None else None

    def _commands(self, owner: Owner, partition: int, entries: Entries) -> Iterator[Command]:
        yield from counting(self._keyspace, *owner, entries.uses)
        yield from self.noting(entries.event)
        each = iter(entries.each)
        if self._refused:  # an entry of its own lists them
            yield self.entry(entries.event_of(*next(each))).command
        key = self._keyspace.audit(partition)
        like = AuditEntry(entries.event, self._boot, 0)
        for body in encode_alike(self._keys, partition, like, self._counters, each):
            yield (b"XADD", key, b"*", FIELD, body)

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
