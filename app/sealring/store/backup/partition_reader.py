"""Reading a partition so that all that was read is a state that it was in at one moment, while it is written.

Every change appends an event to the partition's audit stream, in the EXEC that makes the change. So:

1. Read the stream to its end. Whatever changes from here on, the stream will tell.
2. Scan the partition's keys and read each of them. Some are read before a change and some after it.
3. Read what the stream tells to have changed since then, key by key, again: until few keys are left.
4. Read those few in one MULTI together with the rest of the stream. Where it tells of a change of any other key, go on
   with those. Where it tells of none, we are done: every key was read after the last change that it had before that
   MULTI, and so is what it was at the moment of that MULTI.

All of it happens on one link, so that no failover can put another node, which may know less, in the place of the first.

Only primary data are read. Names, indexes, tombstones and the directory follow from the objects, and the owners of
bindings from the bindings. Outcomes of requests, leases and fences live for a day at most, and the epoch says something
to running servers alone.
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
ROUNDS = 200  # of steps 3 and 4; each takes about a millisecond


class PartitionReader:
    """Reads one partition once."""

    def __init__(self, link: Link, store: OpenedStore, partition: int, advance: Callable[[int], None]) -> None:
        """`advance` is told of each key that was scanned."""
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

        Raises LinkLost; Elsewhere; StoreError; BackupRefused where too much changes meanwhile, or a change is unknown.
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
        """Step 2 alone: no state that the partition ever was in, where it is written meanwhile."""
        return self._keys.read(self._unread())

    def _unread(self) -> Iterator[LocalKey]:
        for name in self._link.scan(self._keyspace.pattern(self._partition)):
            self._advance(1)
            kind, rest = parse_key(name)
            if kind is not None and is_primary(kind, rest) and (kind, rest) not in self.tally:  # a scan repeats some
                yield kind, rest

    def _pages(self) -> Iterator[Sequence[EventEntry]]:
        """The rest of the stream, page by page."""
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
        """What the events tell to have changed."""
        changed = set[LocalKey]().union(*map(self._told, events))
        return changed | self._scopes([rest for kind, rest in changed if kind is Kind.KEK])

    def _told(self, entry: EventEntry) -> set[LocalKey]:
        """Raises BackupRefused for an event whose change could go unnoticed: altered, or of a newer version."""
        try:
            return changed_keys(decode_fields(self._store_keys, self._partition, entry.parts).event)
        except IntegrityFailure as error:
            raise BackupRefused(
                "the audit log tells of something that this version does not know, or was altered; update sealring, or "
                "run `sealring verify`"
            ) from error

    def _scopes(self, kek_ids: Sequence[bytes]) -> set[LocalKey]:
        """The scopes of managed KEKs: who makes one also says, in the same EXEC, that its scope has it."""
        raws = self._keys.ask(*((b"GET", self._keyspace.key(self._partition, Kind.KEK, each)) for each in kek_ids))
        scopes: set[LocalKey] = set()
        for kek_id, raw in zip(kek_ids, raws, strict=True):
            with suppress(IntegrityFailure):  # gone or altered: the scan has read what led to it
                kek = self._records.decode_kek(kek_id, raw or b"")
                if kek.bound is None:
                    _, digest = parse_key(self._keyspace.kek_scope_in(self._partition, kek.scope))
                    scopes.add((Kind.KEK_SCOPE, digest))
        return scopes

    def _fit_in_a_moment(self, keys: Collection[LocalKey]) -> bool:
        return len(keys) <= KEYS_OF_A_MOMENT and sum(map(self.tally.size, keys)) <= BYTES_OF_A_MOMENT
