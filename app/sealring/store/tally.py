"""What the entries of one partition amount to, those that were replaced left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sealring.store import redis_bindings, revocation_codec
from sealring.store.counts import Counts
from sealring.store.entries import (
    BindingsEntry,
    Entry,
    EventEntry,
    KeyEntry,
    ObjectEntry,
    RevocationsEntry,
    VersionEntry,
)
from sealring.store.keyspace import Kind, LocalKey


@dataclass(slots=True)
class _Held:
    """The last entry of a key, with the versions that followed it."""

    there: bool  # not gone
    size: int  # bytes
    parts: int = 0  # older versions of an object; bindings of an organization; revocations of an environment


class Tally:
    """Remembers each key that has an entry, in some hundred bytes, and no data."""

    def __init__(self) -> None:
        self._held: dict[LocalKey, _Held] = {}
        self._events = 0

    def __contains__(self, key: LocalKey) -> bool:
        return key in self._held

    def size(self, key: LocalKey) -> int:
        """How many bytes were held there; 0 where nothing is known."""
        return self._held[key].size if key in self._held else 0

    def note(self, entry: Entry) -> None:
        match entry:
            case EventEntry():
                self._events += 1
            case ObjectEntry(_, record, summaries):
                self._held[entry.key] = _Held(bool(record), len(record) + sum(map(len, summaries)))
            case KeyEntry(_, _, value, _):
                self._held[entry.key] = _Held(bool(value), len(value))
            case BindingsEntry(_, parts):
                self._held[entry.key] = _hash(parts, redis_bindings.SEAL)
            case RevocationsEntry(_, parts):
                self._held[entry.key] = _hash(parts, revocation_codec.SEAL)
            case VersionEntry(raw_id, _, record):
                held = self._held[Kind.OBJECT, raw_id]
                held.parts += 1
                held.size += len(record)
            case _:
                pass

    @property
    def counts(self) -> Counts:
        keys, parts = Counter[Kind](), Counter[Kind]()
        for (kind, _), held in self._held.items():
            keys[kind] += held.there
            parts[kind] += held.parts
        return Counts(
            objects=keys[Kind.OBJECT],
            versions=parts[Kind.OBJECT],
            keks=keys[Kind.KEK],
            scopes=keys[Kind.KEK_SCOPE],
            bindings=parts[Kind.BINDINGS],
            events=self._events,
            revocations=parts[Kind.REVOCATIONS],
        )


def _hash(parts: Sequence[bytes], seal: bytes) -> _Held:
    return _Held(bool(parts), sum(map(len, parts)), sum(field != seal for field in parts[::2]))
