"""Checks of keyrings: their heads and DEKs, the KEKs of these, their counts, and the list of keyrings.

Findings call a keyring by the digest in its key, because no finding holds a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sealring.domain.keyring_codec import Algorithm, parse_encrypted, parse_wrapped_dek, parse_wraps
from sealring.domain.keyrings import DekId, OwnedKeyring
from sealring.errors import IntegrityFailure, KeyFailure
from sealring.store.connection.link import Link
from sealring.store.keyring_log import parse_counts
from sealring.store.opened import OpenedStore
from sealring.store.schema.keyring_codec import HEAD, KeyringCodec, KeyringHead, field_id
from sealring.store.schema.keyspace import Kind
from sealring.store.verify.keks import KekSweep
from sealring.store.verify.usage import UsageSweep

OpenDek = Callable[[OwnedKeyring, DekId, bytes], object]  # raises IntegrityFailure; KeyFailure

_LISTED_AT_ONCE = 1_000


class KeyringSweep:
    """Checks the keyrings of one partition. Raises LinkLost; Elsewhere; StoreError."""

    def __init__(  # noqa: PLR0913, PLR0917  what it looks at, and whom it tells
        self, link: Link, store: OpenedStore, partition: int, keks: KekSweep, usage: UsageSweep, open_dek: OpenDek
    ) -> None:
        self._link = link
        self._keyspace = store.keyspace
        self._codec = KeyringCodec(store.keys)
        self._partition = partition
        self._keks = keks
        self._usage = usage
        self._open = open_dek
        self._seen: set[bytes] = set()
        self.count = 0  # of DEKs

    def wrong_with(self, kind: Kind, digests: Sequence[bytes]) -> Iterator[str]:
        """Check keyrings, or their counts."""
        return self._wrong_with_counts(digests) if kind is Kind.KEYRING_USES else self._wrong(digests)

    def _wrong(self, digests: Sequence[bytes]) -> Iterator[str]:
        for digest in digests:
            if digest not in self._seen:  # a scan may yield a key twice
                self._seen.add(digest)
                yield from (f"keyring {digest.hex()}: {wrong}" for wrong in self._look(digest))

    def _wrong_with_counts(self, digests: Sequence[bytes]) -> Iterator[str]:
        keys = [self._keyspace.key(self._partition, Kind.KEYRING_USES, digest) for digest in digests]
        for digest, flat in zip(digests, self._link.snapshot(*((b"HGETALL", key) for key in keys)), strict=True):
            try:
                if isinstance(flat, Exception):
                    raise IntegrityFailure("another type")  # noqa: TRY301  it is one finding
                parse_counts(flat)
            except IntegrityFailure:
                yield f"keyring {digest.hex()}: its counts were altered"

    def wrong_with_list(self) -> Iterator[str]:
        """Find what is listed, and is not there."""
        listed, beyond = self._keyspace.keyrings(self._partition), b"-"
        while True:
            command = (b"ZRANGE", listed, beyond, b"+", b"BYLEX", b"LIMIT", 0, _LISTED_AT_ONCE)
            (digests,) = self._link.snapshot(command)
            if isinstance(digests, Exception):
                yield f"partition {self._partition}: the list of keyrings is of another type"
                return
            for digest in digests:
                there, score = self._link.snapshot((b"EXISTS", self._key(digest)), (b"ZSCORE", listed, digest))
                if not there and score is not None:
                    yield f"keyring {digest.hex()}: it is listed, and does not exist"
            if len(digests) < _LISTED_AT_ONCE:
                return
            beyond = b"(" + digests[-1]

    def _look(self, digest: bytes) -> Iterator[str]:
        key, listed = (
            self._keyspace.key(self._partition, Kind.KEYRING, digest),
            self._keyspace.keyrings(self._partition),
        )
        flat, score = self._link.snapshot((b"HGETALL", key), (b"ZSCORE", listed, digest))
        if isinstance(flat, Exception):
            yield "it is of another type"
            return
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        if not fields:  # it was destroyed meanwhile
            return
        head = self._head(digest, fields.pop(HEAD, b""))
        if head is None:
            self._usage.knows_all = False
            yield "its head was altered"
            return
        self.count += len(fields)
        self._usage.add_deks(head.ring, len(fields))
        if score is None:
            yield "it is not listed"
        if head.deks != len(fields) or head.latest.encode() not in fields:
            yield "a key of it is missing, or one too many is there"
        yield from self._wrong_with_deks(digest, head, fields)

    def _head(self, digest: bytes, raw: bytes) -> KeyringHead | None:
        try:
            head = self._codec.decode_head(digest, raw)
        except IntegrityFailure:
            return None
        return head if self._keyspace.keyring(head.ring) == self._key(digest) else None

    def _key(self, digest: bytes) -> bytes:
        return self._keyspace.key(self._partition, Kind.KEYRING, digest)

    def _wrong_with_deks(self, digest: bytes, head: KeyringHead, fields: Mapping[bytes, bytes]) -> Iterator[str]:
        for field, raw in fields.items():
            try:
                key_id = field_id(field)
                record = self._codec.decode_dek(digest, key_id, raw)
            except IntegrityFailure:
                yield "the record of a key was altered"
                continue
            if self._lacks_kek(head.ring, record):
                yield f"{key_id}: its KEK is missing, or another one"
                continue
            try:
                self._open(head.ring, key_id, record)
            except (IntegrityFailure, KeyFailure) as failure:
                reason = failure.reason if isinstance(failure, IntegrityFailure) else type(failure).__name__
                yield f"{key_id}: it does not open ({reason})"

    def _lacks_kek(self, ring: OwnedKeyring, record: bytes) -> bool:
        try:
            encrypted = parse_encrypted(parse_wrapped_dek(record).encrypted)
            if encrypted.algorithm != Algorithm.WRAPS:
                return False  # its KEK is not in the store
            wraps = parse_wraps(encrypted.ciphertext).wraps
        except ValueError:
            return True
        return self._keks.lacking_for(ring.environment, ring.org, wraps)
