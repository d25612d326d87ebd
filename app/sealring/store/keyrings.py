"""Keyrings in Redis or Valkey: a hash for each, and a sorted set of those of each partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.decision import new_epoch
from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId
from sealring.domain.keyring_ports import FOREVER, KeyringChange, KeyringPage, KeyringSummary, StoredDek
from sealring.domain.keyrings import DekId, OwnedKeyring
from sealring.domain.limits import Use
from sealring.errors import IntegrityFailure, QuotaExceeded, WriteContention
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.connection.links import Links
from sealring.store.kek_uses import counting
from sealring.store.markers import Markers
from sealring.store.schema.keyring_codec import HEAD, KeyringCodec, KeyringHead, field_id
from sealring.store.schema.keyspace import Keyspace, Kind
from sealring.store.transaction import Commit, Settled, transact
from sealring.store.usage import moving, use_in

T = TypeVar("T")

PAGE = 100  # keyrings
_BEYOND = 2  # bytes of a partition in the cursor of a page


class RedisKeyrings:
    """The KeyringStore of production. Thread-safe. `until` is ignored: the link has deadlines of its own."""

    beside_log = True

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers, keys: StoreKeys, audit: RedisAudit) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._codec = KeyringCodec(keys)
        self._audit = audit

    def load(self, ring: OwnedKeyring, dek_id: DekId, until: float = FOREVER) -> StoredDek | None:  # noqa: ARG002
        (raw,) = self._load(ring, (b"HGET", self._keyspace.keyring(ring), dek_id.encode()))
        return None if raw is None else self._dek(ring, dek_id, raw)

    def latest(self, ring: OwnedKeyring, until: float = FOREVER) -> StoredDek | None:  # noqa: ARG002
        key = self._keyspace.keyring(ring)
        (raw,) = self._load(ring, (b"HGET", key, HEAD))
        if raw is None:
            return None
        key_id = self._head(ring, raw).latest
        # A failover must not lose a DEK that will have encrypted values.
        (dek,) = self._links.confirmed(key, (b"HGET", key, key_id.encode()))
        if dek is not None:
            return self._dek(ring, key_id, dek)
        if self.deks(ring):  # raises IntegrityFailure if the keyring lacks its newest DEK
            raise WriteContention("The keyring changed while it was read. Try again.")
        return None

    def add(
        self,
        ring: OwnedKeyring,
        dek: StoredDek,
        expected: StoredDek | None,
        change: KeyringChange,
        until: float = FOREVER,  # noqa: ARG002
    ) -> bool:
        key, home = self._keyspace.keyring(ring), self._keyspace.home(ring.environment, ring.org)
        field, new = dek.id.encode(), self._codec.encode_dek(self._digest(ring), dek.id, dek.record)
        usage, epoch = (b"HGETALL", self._keyspace.usage(home)), self._keyspace.epoch(home)

        def attempt(link: Link, _lost: Sequence[bool]) -> Commit[bool] | Settled[bool]:
            watched = (b"WATCH", key, epoch, self._markers.key(home.partition))
            reading = ((b"HGET", key, HEAD), (b"HLEN", key), (b"HGET", key, field), (b"GET", epoch), usage)
            _, marker, raw, size, found, now, used = link.send(watched, self._markers.reading(home.partition), *reading)
            self._markers.check(home.partition, marker)
            head = None if raw is None else self._head(ring, raw)
            if size != (0 if head is None else head.deks + 1):
                raise IntegrityFailure("the DEKs of a keyring are not all of them")
            if found is not None:
                return Settled(found == new)  # the result of an earlier EXEC of ours, or another DEK of this id
            if (head and head.latest) != (expected and expected.id) or change.epoch not in {None, now}:
                return Settled(result=False)
            count = 0 if head is None else head.deks
            if 0 < change.most_deks <= count:
                raise QuotaExceeded(f"The keyring has {count} keys, and gets no more on demand. Use another keyring.")
            change.limits.admit(use_in(used, ring.environment, ring.org), Use(objects=1))
            writes = self._adding(ring, field, new, KeyringHead(ring, dek.id, count + 1))
            return self._commit(ring, change, writes, result=True)

        return transact(self._links, key, attempt)

    def replace(self, ring: OwnedKeyring, old: StoredDek, record: bytes, change: KeyringChange) -> bool:
        key, home = self._keyspace.keyring(ring), self._keyspace.home(ring.environment, ring.org)
        epoch, partition = self._keyspace.epoch(home), home.partition
        field, new = old.id.encode(), self._codec.encode_dek(self._digest(ring), old.id, record)

        def attempt(link: Link, lost: Sequence[bool]) -> Commit[bool] | Settled[bool]:
            watched = (b"WATCH", key, epoch, self._markers.key(partition))
            reading = (self._markers.reading(partition), (b"HGET", key, field), (b"GET", epoch))
            _, marker, found, now = link.send(watched, *reading)
            self._markers.check(partition, marker)
            if lost and found == new:
                return Settled(result=True)
            if found != old.version or change.epoch not in {None, now}:
                return Settled(result=False)
            moving = [(b"SET", epoch, new_epoch())] if change.moves_epoch else []
            return self._commit(ring, change, [(b"HSET", key, field, new), *moving], result=True)

        return transact(self._links, key, attempt)

    def deks(self, ring: OwnedKeyring) -> Sequence[StoredDek]:
        (flat,) = self._load(ring, (b"HGETALL", self._keyspace.keyring(ring)))
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        if not fields:
            return ()
        head = self._head(ring, fields.pop(HEAD, b""))
        if head.deks != len(fields) or head.latest.encode() not in fields:
            raise IntegrityFailure("the DEKs of a keyring are not all of them")
        return [self._dek(ring, field_id(field), raw) for field, raw in fields.items()]

    def page(self, environment: EnvironmentId, after: bytes | None = None) -> KeyringPage:
        partition, beyond = (0, b"-") if after is None else (int.from_bytes(after[:_BEYOND], "big"), after[_BEYOND:])
        command = (b"ZRANGE", self._keyspace.keyrings(partition), beyond, b"+", b"BYLEX", b"LIMIT", 0, PAGE)
        (digests,) = self._markers.load(partition, command)
        found = self._summaries(partition, digests)
        mine = [each for each in found.values() if each is not None and each.ring.environment == environment]
        altered = [digest.hex() for digest, each in found.items() if each is None]
        if len(digests) == PAGE:
            return KeyringPage(mine, partition.to_bytes(_BEYOND, "big") + b"(" + digests[-1], altered)
        last = partition + 1 == self._keyspace.partitions
        return KeyringPage(mine, None if last else (partition + 1).to_bytes(_BEYOND, "big") + b"-", altered)

    def destroy(self, ring: OwnedKeyring, event: Event) -> int:
        key, home = self._keyspace.keyring(ring), self._keyspace.home(ring.environment, ring.org)
        change = KeyringChange(event)

        def attempt(link: Link, lost: Sequence[int]) -> Commit[int] | Settled[int]:
            watched = (b"WATCH", key, self._markers.key(home.partition))
            reading = (self._markers.reading(home.partition), (b"HLEN", key), (b"HEXISTS", key, HEAD))
            _, marker, size, has_head = link.send(watched, *reading)
            self._markers.check(home.partition, marker)
            if not size:  # a use that it overtook may have left counts
                return Commit([(b"DEL", self._keyspace.keyring_uses(ring))], lost[-1] if lost else 0)
            deks = size - has_head
            return self._commit(ring, change, self._removing(ring, deks), deks)

        return transact(self._links, key, attempt)

    def _adding(self, ring: OwnedKeyring, field: bytes, dek: bytes, head: KeyringHead) -> Sequence[Command]:
        key, digest = self._keyspace.keyring(ring), self._digest(ring)
        home = self._keyspace.home(ring.environment, ring.org)
        moved: list[Command] = [(b"SET", self._keyspace.epoch(home), new_epoch())] if head.deks > 1 else []
        return [
            (b"HSET", key, HEAD, self._codec.encode_head(digest, head), field, dek),
            (b"ZADD", self._keyspace.keyrings(home.partition), 0, digest),
            *moved,
            *moving(self._keyspace, ring.environment, ring.org, Use(objects=1)),
        ]

    def _removing(self, ring: OwnedKeyring, deks: int) -> Sequence[Command]:
        home = self._keyspace.home(ring.environment, ring.org)
        return [
            (b"DEL", self._keyspace.keyring(ring), self._keyspace.keyring_uses(ring)),
            (b"ZREM", self._keyspace.keyrings(home.partition), self._digest(ring)),
            (b"SET", self._keyspace.epoch(home), new_epoch()),
            *moving(self._keyspace, ring.environment, ring.org, -Use(objects=deks)),
        ]

    def _commit(self, ring: OwnedKeyring, change: KeyringChange, writes: Sequence[Command], result: T) -> Commit[T]:
        counted = counting(self._keyspace, ring.environment, ring.org, change.uses)
        entry = self._audit.entry(change.event)
        noting = self._audit.noting(change.event, change.uses)
        return Commit((*writes, *counted, entry.command), result, lambda: self._audit.refused(entry), noting)

    def _summaries(self, partition: int, digests: Sequence[bytes]) -> dict[bytes, KeyringSummary | None]:
        """Return the keyrings that exist; None for one that was altered."""
        keys = [self._keyspace.key(partition, Kind.KEYRING, digest) for digest in digests]
        commands = [(word, key, *field) for key in keys for word, field in ((b"HGET", (HEAD,)), (b"HKEYS", ()))]
        found: dict[bytes, KeyringSummary | None] = {}
        try:
            replies = self._markers.load(partition, *commands) if commands else []
            for digest, raw, fields in zip(digests, replies[::2], replies[1::2], strict=True):
                if raw is not None:  # else it was destroyed meanwhile
                    found[digest] = self._summary(digest, raw, fields)
        except IntegrityFailure:
            if len(digests) == 1:
                return {digests[0]: None}
            return {digest: each for one in digests for digest, each in self._summaries(partition, [one]).items()}
        return found

    def _summary(self, digest: bytes, raw: bytes, fields: Sequence[bytes]) -> KeyringSummary:
        ring = self._codec.decode_head(digest, raw).ring
        return KeyringSummary(ring, [field_id(field) for field in fields if field != HEAD])

    def _load(self, ring: OwnedKeyring, command: Command) -> list[Reply]:
        return self._markers.load(self._keyspace.partition(ring.environment, ring.org), command)

    def _head(self, ring: OwnedKeyring, raw: bytes) -> KeyringHead:
        head = self._codec.decode_head(self._digest(ring), raw)
        if head.ring != ring:
            raise IntegrityFailure("the head of another keyring")
        return head

    def _dek(self, ring: OwnedKeyring, key_id: DekId, raw: bytes) -> StoredDek:
        return StoredDek(key_id, self._codec.decode_dek(self._digest(ring), key_id, raw), raw)

    def _digest(self, ring: OwnedKeyring) -> bytes:
        return self._keyspace.keyring_digest(ring)
