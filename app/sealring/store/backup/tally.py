"""The counts of one partition's entries, without replaced ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sealring.store.backup.entries import (
    BoundKekEntry,
    Entry,
    EventEntry,
    KeyEntry,
    ObjectEntry,
    VersionEntry,
    WholeHash,
)
from sealring.store.schema.counts import Counts
from sealring.store.schema.keyspace import Kind, LocalKey


@dataclass(slots=True)
class _Held:
    """The last entry of a key, with the versions that followed it."""

    there: bool  # not gone
    size: int  # bytes
    parts: int = 0  # older versions of an object; bindings of an organization; revocations; DEKs of a keyring
    bound: bool = False  # of a KEK: whether it is a binding's


class Tally:
    """Remembers each key that has an entry, in a few hundred bytes, without its data."""

    def __init__(self) -> None:
        self._held: dict[LocalKey, _Held] = {}
        self._entries = 0

    def __contains__(self, key: LocalKey) -> bool:
        return key in self._held

    def size(self, key: LocalKey) -> int:
        """The size of what the key held, in bytes; 0 if unknown."""
        return self._held[key].size if key in self._held else 0

    def note(self, entry: Entry) -> None:
        match entry:
            case EventEntry():
                self._entries += 1
            case ObjectEntry(_, record, summaries):
                self._held[entry.key] = _Held(bool(record), len(record) + sum(map(len, summaries)))
            case KeyEntry(_, _, value, _):
                self._held[entry.key] = _Held(bool(value), len(value))
            case BoundKekEntry(_, record):
                self._held[entry.key] = _Held(bool(record), len(record), bound=True)
            case WholeHash(_, parts):
                self._held[entry.key] = _hash(parts)
            case VersionEntry(raw_id, _, record):
                held = self._held[Kind.OBJECT, raw_id]
                held.parts += 1
                held.size += len(record)
            case _:
                pass

    @property
    def counts(self) -> Counts:
        return self.of_data + self.of_keys

    @property
    def of_data(self) -> Counts:
        """The counts of the file of data."""
        objects = self._of(Kind.OBJECT)
        return Counts(
            objects=sum(each.there for each in objects),
            versions=sum(each.parts for each in objects),
            keks=sum(each.there and each.bound for each in self._of(Kind.KEK)),
            bindings=sum(each.parts for each in self._of(Kind.BINDINGS)),
            entries=self._entries,
            revocations=sum(each.parts for each in self._of(Kind.REVOCATIONS)),
            deks=sum(each.parts for each in self._of(Kind.KEYRING)),
        )

    @property
    def of_keys(self) -> Counts:
        """The counts of the file of key records."""
        return Counts(
            keks=sum(each.there and not each.bound for each in self._of(Kind.KEK)),
            scopes=sum(each.there for each in self._of(Kind.KEK_SCOPE)),
        )

    def _of(self, kind: Kind) -> Sequence[_Held]:
        return [held for (each, _), held in self._held.items() if each is kind]


def _hash(parts: Sequence[bytes]) -> _Held:
    """Count the fields that are not empty: the empty one holds a seal over the others, or a head."""
    return _Held(bool(parts), sum(map(len, parts)), sum(map(bool, parts[::2])))
