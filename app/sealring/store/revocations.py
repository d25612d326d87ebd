"""Revocations in Redis or Valkey: a hash for each environment, in the partition of the empty organization."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.events import Event
from sealring.domain.ids import NO_ORG, EnvironmentId
from sealring.domain.ports import RevocationChange
from sealring.domain.revocation import Revocation
from sealring.errors import IntegrityFailure
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.connection.links import Links
from sealring.store.connection.timing import microseconds
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.revocation_codec import RevocationCodec
from sealring.store.transaction import Commit, Settled, transact


class RedisRevocations:
    """The RevocationStore of production. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers, keys: StoreKeys, audit: RedisAudit) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._codec = RevocationCodec(keys)
        self._audit = audit
        self._loaded: dict[EnvironmentId, tuple[Reply, Sequence[Revocation]]] = {}

    def begin(self, environment: EnvironmentId, event: Event) -> bool:
        key, partition = self._place(environment)
        empty: Command = (b"HSET", key, *_flat(self._codec.encode(environment, ())))

        def attempt(link: Link, lost: Sequence[bool]) -> Commit[bool] | Settled[bool]:
            _, marker = link.send((b"WATCH", key, self._markers.key(partition)), self._markers.reading(partition))
            self._markers.check(partition, marker)
            if self._is_whole(link, environment):
                return Settled(bool(lost))
            entry = self._audit.entry(event)
            return Commit(((b"DEL", key), empty, entry.command), True, lambda: self._audit.refused(entry))

        return transact(self._links, key, attempt)

    def load(self, environment: EnvironmentId) -> Sequence[Revocation]:
        key, partition = self._place(environment)
        marker, flat = self._links.confirmed(  # so that no isolated node replies with an older list
            key, self._markers.reading(partition), (b"HGETALL", key)
        )
        self._markers.check(partition, marker)
        known = self._loaded.get(environment)
        if known is not None and known[0] == flat:
            return known[1]
        found = self._codec.decode(environment, _fields(flat))
        self._loaded[environment] = (flat, found)
        return found

    def change(
        self, environment: EnvironmentId, decide: Callable[[Sequence[Revocation], int], RevocationChange]
    ) -> Revocation:
        key, partition = self._place(environment)

        def attempt(link: Link, lost: Sequence[Revocation]) -> Commit[Revocation] | Settled[Revocation]:
            _, marker, flat, now = link.send(
                (b"WATCH", key, self._markers.key(partition)),
                self._markers.reading(partition),
                (b"HGETALL", key),
                (b"TIME",),
            )
            self._markers.check(partition, marker)
            before = _fields(flat)
            found = self._codec.decode(environment, before)
            landed = [each for each in lost if each in found]
            if landed:  # an earlier EXEC of ours, whose reply was lost
                return Settled(landed[-1])
            change = decide(found, microseconds(now))
            after = self._codec.encode(environment, (change.made, *change.others))
            entry = self._audit.entry(change.event)
            writes = (*_writes(key, before, after), entry.command)
            return Commit(writes, change.made, lambda: self._audit.refused(entry))

        return transact(self._links, key, attempt)

    def _place(self, environment: EnvironmentId) -> tuple[bytes, int]:
        """Return the key of a list, and its partition."""
        return self._keyspace.revocations(environment), self._keyspace.partition(environment, NO_ORG)

    def _is_whole(self, link: Link, environment: EnvironmentId) -> bool:
        try:
            (flat,) = link.send((b"HGETALL", self._keyspace.revocations(environment)))
            self._codec.decode(environment, _fields(flat))
        except IntegrityFailure:  # missing, altered, or of another type
            return False
        return True


def _writes(key: bytes, before: Mapping[bytes, bytes], after: Mapping[bytes, bytes]) -> Sequence[Command]:
    gone = [place for place in before if place not in after]
    changed = {place: raw for place, raw in after.items() if before.get(place) != raw}
    dropped: Sequence[Command] = [(b"HDEL", key, *gone)] if gone else []
    return (*dropped, (b"HSET", key, *_flat(changed)))


def _flat(fields: Mapping[bytes, bytes]) -> Sequence[bytes]:
    return [part for field in fields.items() for part in field]


def _fields(flat: Reply) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
