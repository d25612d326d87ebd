"""Limits of organizations in Redis or Valkey: a hash for each environment, beside its revocations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.events import Event
from sealring.domain.ids import NO_ORG, EnvironmentId, OrgId
from sealring.domain.limits import Override
from sealring.domain.limits_ports import LimitsChange
from sealring.errors import IntegrityFailure
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.connection.links import Links
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.limits_codec import SEAL, LimitsCodec
from sealring.store.transaction import Commit, Settled, transact

Overrides = Mapping[OrgId, Override]


class RedisLimits:
    """The LimitsStore of production. Thread-safe.

    An environment whose limits nobody has set has no hash. Once it has one, the hash stays, with its seal.
    """

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers, keys: StoreKeys, audit: RedisAudit) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._codec = LimitsCodec(keys)
        self._audit = audit
        self._loaded: dict[EnvironmentId, tuple[bytes, Overrides]] = {}  # with the seal
        markers.when_renewed(self._loaded.clear)

    def load(self, environment: EnvironmentId) -> Overrides:
        key, partition = self._place(environment)
        known = self._loaded.get(environment)
        if known is not None:
            (seal,) = self._markers.load(partition, (b"HGET", key, SEAL))
            if seal == known[0]:
                return known[1]
        (flat,) = self._markers.load(partition, (b"HGETALL", key))
        if known is not None and not flat:
            raise IntegrityFailure("the limits are gone")
        fields = _fields(flat)
        found = self._decoded(environment, fields)
        if fields:
            self._loaded[environment] = (fields[SEAL], found)
        return found

    def change(self, environment: EnvironmentId, decide: Callable[[Overrides], LimitsChange]) -> Overrides:
        key, partition = self._place(environment)

        def attempt(link: Link, lost: Sequence[Overrides]) -> Commit[Overrides] | Settled[Overrides]:
            _, marker, flat = link.send(
                (b"WATCH", key, self._markers.key(partition)), self._markers.reading(partition), (b"HGETALL", key)
            )
            self._markers.check(partition, marker)
            found = self._decoded(environment, _fields(flat))
            if found in lost:  # an earlier EXEC of ours, whose reply was lost
                return Settled(found)
            return self._commit(key, environment, decide(found))

        return transact(self._links, key, attempt)

    def begin(self, environment: EnvironmentId, event: Event) -> None:
        key, partition = self._place(environment)

        def attempt(link: Link, _lost: Sequence[Overrides]) -> Commit[Overrides]:
            _, marker = link.send((b"WATCH", key, self._markers.key(partition)), self._markers.reading(partition))
            self._markers.check(partition, marker)
            return self._commit(key, environment, LimitsChange({}, event))

        transact(self._links, key, attempt)

    def _commit(self, key: bytes, environment: EnvironmentId, change: LimitsChange) -> Commit[Overrides]:
        fields = self._codec.encode(environment, change.overrides)
        flat = [part for field in fields.items() for part in field]
        writes: Sequence[Command] = ((b"DEL", key), (b"HSET", key, *flat))
        entry = self._audit.entry(change.event)
        return Commit((*writes, entry.command), change.overrides, lambda: self._audit.refused(entry))

    def _decoded(self, environment: EnvironmentId, fields: Mapping[bytes, bytes]) -> Overrides:
        return self._codec.decode(environment, fields) if fields else {}

    def _place(self, environment: EnvironmentId) -> tuple[bytes, int]:
        """Return the key of an environment's limits, and its partition."""
        return self._keyspace.limits(environment), self._keyspace.partition(environment, NO_ORG)


def _fields(flat: Reply) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
