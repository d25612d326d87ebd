"""Reading a partition's state at one moment, while it is written.

Every change appends an event to the partition's audit stream, in the EXEC that makes the change. So:

1. Read the stream to its end. From here on, the stream reports every change.
2. Scan the partition's keys and read each of them, some before a change and some after it.
3. Read again, key by key, what has changed since according to the stream, until few keys are left.
4. Read those in one MULTI together with the rest of the stream. If the rest reports a change of any other key, repeat
   the step for that. Otherwise we are done: every key was read after its last change before that MULTI, so it is as it
   was at the moment of that MULTI.

All of it happens on one link, because after a failover another node may lack events.

Only primary data is read. Names, indexes, tombstones and the directory follow from the objects, and the owners of
bindings from the bindings. Outcomes of requests, leases and fences live for a day at most, and epochs matter only to
running servers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress

from sealring.errors import BackupRefused, IntegrityFailure
from sealring.store.backup.changes import changed_keys
from sealring.store.backup.entries import Entry, EventEntry, PartitionEntry
from sealring.store.backup.key_reader import KeyReader, is_primary
from sealring.store.backup.tally import Tally
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.opened import OpenedStore
from sealring.store.schema.audit_entry import decode_fields
from sealring.store.schema.keyspace import Kind, LocalKey, parse_key

EVENTS_AT_ONCE = 500
KEYS_OF_A_MOMENT = 64  # the most that step 4 reads
BYTES_OF_A_MOMENT = 32 << 20  # likewise
ROUNDS = 200  # repetitions of steps 3 and 4; each takes about a millisecond


class PartitionReader:
    """Reads one partition once."""

    def __init__(self, link: Link, store: OpenedStore, partition: int, advance: Callable[[int], None]) -> None:
        """`advance` is called with 1 for each key that was scanned."""
        self._link = link
        self._keyspace = store.keyspace
        self._store_keys = store.keys
        self._records = store.records
        self._partition = partition
        self._advance = advance
        self._keys = KeyReader(link, store, partition)
        self.tally = Tally()  # of what `entries` yielded, without what was replaced
        self._last_event = b"0-0"

    def entries(self) -> Iterator[Entry]:
        """Yield what a backup holds of the partition.

        Raises LinkLost; Elsewhere; StoreError; BackupRefused if too much changes meanwhile, or a change is unknown.
        """
        yield PartitionEntry(self._partition)
        for entry in self._steps():
            self.tally.note(entry)
            yield entry

    def _steps(self) -> Iterator[Entry]:
        for events in self._pages():
            yield from events
        yield from self.scanned()
        changed: set[LocalKey] = set()
        for _ in range(ROUNDS):
            for events in self._pages():
                yield from events
                changed |= self._changed(events)
            changed |= self._keys.torn
            self._keys.torn.clear()
            if not self._fit_in_a_moment(changed):
                yield from self._keys.read(changed)
                changed = set()
                continue
            page, entries = self._keys.read_at_once(list(changed), self._tail())
            events = self._events_of(page)
            yield from (*events, *entries)
            changed = self._changed(events) - changed
            if not changed and len(events) < EVENTS_AT_ONCE:
                return
        raise BackupRefused(
            f"partition {self._partition} changes faster than it can be read; back up in a quieter moment"
        )

    def scanned(self) -> Iterator[Entry]:
        """Do only step 2: if the partition is written meanwhile, the entries are not of one moment."""
        return self._keys.read(self._unread())

    def _unread(self) -> Iterator[LocalKey]:
        for name in self._link.scan(self._keyspace.pattern(self._partition)):
            self._advance(1)
            kind, rest = parse_key(name)
            if kind is not None and is_primary(kind, rest) and (kind, rest) not in self.tally:  # a scan may repeat keys
                yield kind, rest

    def _pages(self) -> Iterator[Sequence[EventEntry]]:
        """Yield the rest of the stream, page by page."""
        while True:
            (page,) = self._keys.ask(self._tail())
            yield self._events_of(page)
            if len(page) < EVENTS_AT_ONCE:
                return

    def _tail(self) -> Command:
        stream = self._keyspace.audit(self._partition)
        return (b"XRANGE", stream, b"(" + self._last_event, b"+", b"COUNT", EVENTS_AT_ONCE)

    def _events_of(self, page: Reply) -> Sequence[EventEntry]:
        events = [EventEntry(event_id, tuple(parts)) for event_id, parts in page]
        if events:
            self._last_event = events[-1].id
        return events

    def _changed(self, events: Sequence[EventEntry]) -> set[LocalKey]:
        """Return the keys that changed, according to the events."""
        changed = set[LocalKey]().union(*map(self._told, events))
        return changed | self._scopes([rest for kind, rest in changed if kind is Kind.KEK])

    def _told(self, entry: EventEntry) -> set[LocalKey]:
        """Return the keys of one event. Raises BackupRefused if the event was altered, or is of a newer version."""
        try:
            event = decode_fields(self._store_keys, self._partition, entry.parts).event
            return changed_keys(event, self._keyspace.keyring_digest)
        except IntegrityFailure as error:
            raise BackupRefused(
                "an event of the audit log was altered, or is not known to this version; update sealring, or run "
                "`sealring verify`"
            ) from error

    def _scopes(self, kek_ids: Sequence[bytes]) -> set[LocalKey]:
        """Return the scopes of managed KEKs: the EXEC that creates a KEK also writes its scope."""
        raws = self._keys.ask(*((b"GET", self._keyspace.key(self._partition, Kind.KEK, each)) for each in kek_ids))
        scopes: set[LocalKey] = set()
        for kek_id, raw in zip(kek_ids, raws, strict=True):
            with suppress(IntegrityFailure):  # gone or altered: the scan has read its scope
                kek = self._records.decode_kek(kek_id, raw or b"")
                if kek.bound is None:
                    _, digest = parse_key(self._keyspace.kek_scope_in(self._partition, kek.scope))
                    scopes.add((Kind.KEK_SCOPE, digest))
        return scopes

    def _fit_in_a_moment(self, keys: Collection[LocalKey]) -> bool:
        return len(keys) <= KEYS_OF_A_MOMENT and sum(map(self.tally.size, keys)) <= BYTES_OF_A_MOMENT
