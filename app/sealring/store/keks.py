"""The registry of KEKs in Redis or Valkey, and the counts of their wraps."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.kek import Kek, KekRecord, KekScope
from sealring.domain.limits import NO_LIMITS, Limits, Use
from sealring.errors import IntegrityFailure
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Command, Link, Reply
from sealring.store.connection.links import Links
from sealring.store.kek_uses import parse_count, wraps_field
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records
from sealring.store.transaction import Commit, Settled, transact
from sealring.store.usage import moving, use_in


class RedisKeks:
    """The KekStore of production. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace, markers: Markers, records: Records, audit: RedisAudit) -> None:
        self._links = links
        self._keyspace = keyspace
        self._markers = markers
        self._records = records
        self._audit = audit

    def find(self, scope: KekScope) -> KekRecord | None:
        scope_key = self._scope_key(scope)
        (kek_id,) = self._load(scope.environment, scope.org, (b"GET", scope_key))
        if kek_id is not None:  # a failover must not lose a KEK that will have wrapped data
            (kek_id,) = self._links.confirmed(scope_key, (b"GET", scope_key))
        return None if kek_id is None else self._of_scope(scope, kek_id)

    def get(self, environment: EnvironmentId, org: OrgId, kek_id: bytes) -> KekRecord | None:
        (raw,) = self._load(environment, org, (b"GET", self._keyspace.kek(environment, org, kek_id)))
        return None if raw is None else self._records.decode_kek(kek_id, raw)

    def publish(self, scope: KekScope, kek: Kek, event: Event, limits: Limits = NO_LIMITS) -> KekRecord:
        scope_key = self._scope_key(scope)
        kek_key = self._keyspace.kek(scope.environment, scope.org, kek.kek_id)
        home, record, growth = self._keyspace.home(scope.environment, scope.org), KekRecord((kek,)), Use(contexts=1)
        usage = (b"HGETALL", self._keyspace.usage(home))

        def attempt(link: Link, _lost: Sequence[bytes]) -> Commit[bytes] | Settled[bytes]:
            watched = (b"WATCH", scope_key, self._markers.key(home.partition))
            _, marker, holder, used = link.send(
                watched, self._markers.reading(home.partition), (b"GET", scope_key), usage
            )
            self._markers.check(home.partition, marker)
            if holder is not None:
                return Settled(holder)
            limits.admit(use_in(used, scope.environment, scope.org), growth)
            writes = ((b"SET", kek_key, self._records.encode_kek(record)), (b"SET", scope_key, kek.kek_id))
            counted = moving(self._keyspace, scope.environment, scope.org, growth)
            entry = self._audit.entry(event)
            return Commit((*writes, *counted, entry.command), kek.kek_id, lambda: self._audit.refused(entry))

        holder = transact(self._links, kek_key, attempt)
        return record if holder == kek.kek_id else self._of_scope(scope, holder)

    def wraps(self, environment: EnvironmentId, org: OrgId, kek: Kek) -> int:
        uses = self._keyspace.kek_uses(environment, org, kek.kek_id)
        (count,) = self._load(environment, org, (b"HGET", uses, wraps_field(kek.version)))
        return parse_count(count or b"0")

    def _load(self, environment: EnvironmentId, org: OrgId, command: Command) -> list[Reply]:
        return self._markers.load(self._keyspace.partition(environment, org), command)

    def _of_scope(self, scope: KekScope, kek_id: bytes) -> KekRecord:
        kek = self.get(scope.environment, scope.org, kek_id)
        if kek is None or kek.scope != scope.encoded:
            raise IntegrityFailure("KEK pointer")
        return kek

    def _scope_key(self, scope: KekScope) -> bytes:
        return self._keyspace.kek_scope(scope.environment, scope.org, scope.encoded)
