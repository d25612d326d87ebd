"""The entries of a backup: the primary data of each partition, as the store holds it.

A backup has two files: the key records (KeyEntry), and the data (all others, including the KEKs of bindings, which no
root key of ours guards). In both, a partition begins with its PartitionEntry. Within it, an entry replaces every
earlier one of the same key; an ObjectEntry also replaces the VersionEntries that followed the earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Self, get_args

from sealring.domain.wire import MalformedBytes, Reader, lp16, lp32
from sealring.store.schema.counts import Counts
from sealring.store.schema.keyspace import Kind, LocalKey


@dataclass(frozen=True, slots=True)
class PartitionEntry:
    """The entries that follow are of this partition. Each partition has one, in order."""

    CODE: ClassVar = 1

    number: int

    def encode(self) -> bytes:
        return self.number.to_bytes(2, "big")

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        return cls(reader.number(2))


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """An object's record, and the summaries of its older versions, newest first. No record: the object is gone."""

    CODE: ClassVar = 2

    id: bytes  # 16 bytes
    record: bytes = field(repr=False)
    summaries: tuple[bytes, ...] = field(repr=False)

    @property
    def key(self) -> LocalKey:
        return Kind.OBJECT, self.id

    def encode(self) -> bytes:
        return b"".join((self.id, lp32(self.record), *map(lp16, self.summaries)))

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        return cls(reader.take(16), reader.lp32(), tuple(_rest(reader, reader.lp16)))


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """An older version of an object, as of the last ObjectEntry of that object."""

    CODE: ClassVar = 3

    object_id: bytes  # 16 bytes
    id: bytes  # 16 bytes
    record: bytes = field(repr=False)

    def encode(self) -> bytes:
        return b"".join((self.object_id, self.id, lp32(self.record)))

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        return cls(reader.take(16), reader.take(16), reader.lp32())


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A managed KEK with its counts, or the id of a scope's KEK. No value: it is gone."""

    CODE: ClassVar = 4

    kind: Kind  # KEK or KEK_SCOPE
    rest: bytes  # of the key: the id of the KEK, the digest of the scope
    value: bytes = field(repr=False)
    uses: tuple[bytes, ...] = ()  # of a KEK: fields and counts in turn

    @property
    def key(self) -> LocalKey:
        return self.kind, self.rest

    def encode(self) -> bytes:
        return b"".join((self.kind.value, lp16(self.rest), lp32(self.value), *map(lp16, self.uses)))

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        kind = Kind(reader.take(1))
        if kind not in {Kind.KEK, Kind.KEK_SCOPE}:
            raise MalformedBytes("a key of another kind")
        return cls(kind, reader.lp16(), reader.lp32(), tuple(_rest(reader, reader.lp16)))


@dataclass(frozen=True, slots=True)
class EventEntry:
    """An event of the audit log: its id in the stream, then its fields and values in turn."""

    CODE: ClassVar = 6

    id: bytes
    parts: tuple[bytes, ...] = field(repr=False)

    def encode(self) -> bytes:
        return b"".join((lp16(self.id), *map(lp32, self.parts)))

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        return cls(reader.lp16(), tuple(_rest(reader, reader.lp32)))


@dataclass(frozen=True, slots=True)
class WholeHash:
    """All of a hash: fields and values in turn. No parts: it is gone."""

    KIND: ClassVar[Kind]
    CODE: ClassVar[int]

    rest: bytes  # of the key: an owner, an environment, or the digest of a keyring
    parts: tuple[bytes, ...] = field(repr=False)

    @property
    def key(self) -> LocalKey:
        return self.KIND, self.rest

    def encode(self) -> bytes:
        return b"".join((lp16(self.rest), *map(lp32, self.parts)))

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        return cls(reader.lp16(), tuple(_rest(reader, reader.lp32)))


class BindingsEntry(WholeHash):
    """All bindings of an organization, and their seal."""

    CODE: ClassVar = 5
    KIND = Kind.BINDINGS


class RevocationsEntry(WholeHash):
    """All revocations of an environment, and their seal."""

    CODE: ClassVar = 8
    KIND = Kind.REVOCATIONS


class LimitsEntry(WholeHash):
    """All limits that were set for organizations of an environment, and their seal."""

    CODE: ClassVar = 10
    KIND = Kind.LIMITS


class KeyringEntry(WholeHash):
    """A keyring: its head, and its DEKs."""

    CODE: ClassVar = 11
    KIND = Kind.KEYRING


class KeyringUsesEntry(WholeHash):
    """The counts of a keyring, wherever its DEKs are stored."""

    CODE: ClassVar = 12
    KIND = Kind.KEYRING_USES


LAST_USED = b"l"  # no field of the hash


@dataclass(frozen=True, slots=True)
class BoundKekEntry:
    """The KEK of a binding, and its use. No record: it is gone, and so is the binding."""

    CODE: ClassVar = 9

    id: bytes  # 16 bytes; the binding's too
    record: bytes = field(repr=False)
    uses: tuple[bytes, ...] = ()  # fields and values in turn; LAST_USED is the id of a stream's entry

    @property
    def key(self) -> LocalKey:
        return Kind.KEK, self.id

    def encode(self) -> bytes:
        return b"".join((self.id, lp32(self.record), *map(lp16, self.uses)))

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        return cls(reader.take(16), reader.lp32(), tuple(_rest(reader, reader.lp16)))


@dataclass(frozen=True, slots=True)
class EndEntry:
    """The last entry: the counts of the entries that were not replaced."""

    CODE: ClassVar = 7

    counts: Counts

    def encode(self) -> bytes:
        return self.counts.encode()

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        return cls(Counts.decode(reader))


def is_of_keys(entry: Entry) -> bool:
    """Whether an entry belongs in the file of key records. PartitionEntry and EndEntry are in both files."""
    return isinstance(entry, PartitionEntry | KeyEntry)


def is_of_data(entry: Entry) -> bool:
    return not isinstance(entry, KeyEntry)


Entry = (
    PartitionEntry
    | ObjectEntry
    | VersionEntry
    | KeyEntry
    | BindingsEntry
    | EventEntry
    | EndEntry
    | RevocationsEntry
    | BoundKekEntry
    | LimitsEntry
    | KeyringEntry
    | KeyringUsesEntry
)

_TYPES: dict[int, type[Entry]] = {each.CODE: each for each in get_args(Entry)}


def encode_entry(entry: Entry) -> bytes:
    """`lp32(code u8 ‖ what the entry holds)`."""
    return lp32(bytes((entry.CODE,)) + entry.encode())


def read_entries(pieces: Iterable[bytes]) -> Iterator[Entry]:
    """Yield the entries of a stream, up to its EndEntry.

    Raises ValueError for anything that `encode_entry` does not make, and for a stream without an EndEntry at its end.
    """
    stream = _Stream(pieces)
    ended = False
    while not ended:
        entry = _decode(stream.take(int.from_bytes(stream.take(4), "big")))
        ended = isinstance(entry, EndEntry)
        yield entry
    stream.finish()


def _decode(raw: bytes) -> Entry:
    reader = Reader(raw)
    kind = _TYPES.get(reader.number(1))
    if kind is None:
        raise MalformedBytes("an unknown entry")
    entry = kind.decode(reader)
    reader.finish()
    return entry


def _rest(reader: Reader, take: Callable[[], bytes]) -> Iterator[bytes]:
    while not reader.exhausted:
        yield take()


class _Stream:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._waiting = bytearray()

    def take(self, size: int) -> bytes:
        while len(self._waiting) < size:
            self._waiting += self._next()
        taken = bytes(self._waiting[:size])
        del self._waiting[:size]
        return taken

    def finish(self) -> None:
        if self._waiting or next(self._pieces, None) is not None:
            raise MalformedBytes("trailing bytes")

    def _next(self) -> bytes:
        piece = next(self._pieces, None)
        if piece is None:
            raise MalformedBytes("truncated")
        return piece
