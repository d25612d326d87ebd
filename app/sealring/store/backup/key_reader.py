"""Reading of primary data as the entries of a backup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sealring.errors import BackupRefused, IntegrityFailure
from sealring.store.backup.entries import (
    LAST_USED,
    BindingsEntry,
    BoundKekEntry,
    Entry,
    KeyEntry,
    KeyringEntry,
    KeyringUsesEntry,
    LimitsEntry,
    ObjectEntry,
    RevocationsEntry,
    VersionEntry,
)
from sealring.store.batches import in_batches
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyspace import Kind, LocalKey

_OF_16_BYTES = frozenset({Kind.OBJECT, Kind.KEK, Kind.KEK_SCOPE})  # ids and digests
WholeEntry = BindingsEntry | RevocationsEntry | LimitsEntry | KeyringEntry | KeyringUsesEntry

_HASHES: Mapping[Kind, type[WholeEntry]] = {
    each.KIND: each for each in (BindingsEntry, RevocationsEntry, LimitsEntry, KeyringEntry, KeyringUsesEntry)
}

AT_ONCE = 16  # records of one read; each may be larger than a megabyte


def is_primary(kind: Kind, rest: bytes) -> bool:
    """Whether a key holds primary data. An object's older versions are read with the object."""
    return kind in _HASHES or (kind in _OF_16_BYTES and len(rest) == 16)


class KeyReader:
    """Reads keys of one partition on one link. Raises LinkLost; Elsewhere; StoreError; BackupRefused."""

    def __init__(self, link: Link, store: OpenedStore, partition: int) -> None:
        self._link = link
        self._keyspace = store.keyspace
        self._records = store.records
        self._partition = partition
        self._bound: dict[bytes, bool] = {}  # whether a KEK is a binding's
        self.torn: set[LocalKey] = set()  # objects that were purged while `read` read them

    def read(self, keys: Iterable[LocalKey]) -> Iterator[Entry]:
        """Read keys in batches, so that few records are in memory. The entries of a key may be of several moments."""
        for batch in in_batches(keys, AT_ONCE):
            replies = iter(self.ask(*(command for key in batch for command in self._commands(key, b"HKEYS"))))
            older: list[tuple[bytes, bytes]] = []
            for key in batch:
                entry, version_ids = self._entry(key, replies)
                yield entry
                older += [(key[1], version_id) for version_id in version_ids]
            yield from self._versions(older)

    def read_at_once(self, keys: Sequence[LocalKey], also: Command) -> tuple[Reply, list[Entry]]:
        """Read keys at one moment; return the reply to `also`, of the same moment, and the entries."""
        reply, *rest = self.ask(also, *(command for key in keys for command in self._commands(key, b"HGETALL")))
        replies = iter(rest)
        entries: list[Entry] = []
        for key in keys:
            entry, versions = self._entry(key, replies)
            pairs = zip(versions[::2], versions[1::2], strict=True)
            entries += [entry, *(VersionEntry(key[1], version_id, raw) for version_id, raw in pairs)]
        return reply, entries

    def ask(self, *commands: Command) -> list[Reply]:
        """Read by several commands at one moment."""
        replies = self._link.snapshot(*commands) if commands else []
        if any(isinstance(each, Exception) for each in replies):
            raise BackupRefused("a key does not have the type that sealring gave it; `sealring verify` shows which")
        return replies

    def _commands(self, key: LocalKey, versions: bytes) -> Sequence[Command]:
        kind, rest = key
        name = self._keyspace.key(self._partition, kind, rest)
        if kind in _HASHES:
            return ((b"HGETALL", name),)
        if kind is Kind.KEK:
            uses, last = (self._keyspace.key(self._partition, each, rest) for each in (Kind.KEK_USES, Kind.LAST_USE))
            return ((b"GET", name), (b"HGETALL", uses), (b"XRANGE", last, b"-", b"+", b"COUNT", 1))
        if kind is not Kind.OBJECT:
            return ((b"GET", name),)
        return (
            (b"GET", name),
            (b"LRANGE", self._keyspace.key(self._partition, Kind.SUMMARIES, rest), 0, -1),
            (versions, self._keyspace.key(self._partition, Kind.VERSIONS, rest)),
        )

    def _versions(self, places: Sequence[tuple[bytes, bytes]]) -> Iterator[Entry]:
        for batch in in_batches(places, AT_ONCE):
            names = [self._keyspace.key(self._partition, Kind.VERSIONS, raw_id) for raw_id, _ in batch]
            raws = self.ask(*((b"HGET", name, version) for name, (_, version) in zip(names, batch, strict=True)))
            for (raw_id, version_id), raw in zip(batch, raws, strict=True):
                if raw is None:
                    self.torn.add((Kind.OBJECT, raw_id))
                else:
                    yield VersionEntry(raw_id, version_id, raw)

    def _entry(self, key: LocalKey, replies: Iterator[Reply]) -> tuple[Entry, Sequence[bytes]]:
        """Return a key's entry from the replies to its commands, and the reply about an object's older versions."""
        kind, rest = key
        value = next(replies)
        if kind in _HASHES:
            return _HASHES[kind](rest, tuple(value)), ()
        if kind is Kind.KEK:
            return self._kek(rest, value or b"", next(replies), next(replies)), ()
        if kind is not Kind.OBJECT:
            return KeyEntry(kind, rest, value or b""), ()
        summaries, versions = next(replies), next(replies)
        if value is None:
            return ObjectEntry(rest, b"", ()), ()
        return ObjectEntry(rest, value, tuple(summaries)), versions

    def _kek(self, kek_id: bytes, record: bytes, uses: Sequence[bytes], last: Reply) -> KeyEntry | BoundKekEntry:
        """Return an entry of the same kind as at the first read, so that all entries of one KEK are in one file."""
        if self._bound.setdefault(kek_id, self._is_bound(kek_id, record)):
            return BoundKekEntry(kek_id, record, (*uses, LAST_USED, last[0][0]) if last else tuple(uses))
        return KeyEntry(Kind.KEK, kek_id, record, tuple(uses))

    def _is_bound(self, kek_id: bytes, record: bytes) -> bool:
        try:
            return self._records.decode_kek(kek_id, record).bound is not None
        except IntegrityFailure:  # altered: unknown, so False; or gone: only KEKs of bindings are removed
            return not record
