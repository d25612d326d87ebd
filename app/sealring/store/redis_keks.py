"""The registry of KEKs in Redis or Valkey."""

from __future__ import annotations

from collections.abc import Sequence

from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.kek import Kek, KekScope
from sealring.errors import IntegrityFailure
from sealring.store.keyspace import Keyspace
from sealring.store.link import Link
from sealring.store.links import Links
from sealring.store.records import Records
from sealring.store.redis_audit import RedisAudit
from sealring.store.transaction import Commit, Settled, transact


class RedisKeks:
    """The KekStore of production. Thread-safe."""

    def __init__(self, links: Links, keyspace: Keyspace, records: Records, audit: RedisAudit) -> None:
        self._links = links
        self._keyspace = keyspace
        self._records = records
        self._audit = audit

    def find(self, scope: KekScope) -> Kek | None:
        scope_key = self._scope_key(scope)
        (kek_id,) = self._links.call((b"GET", scope_key))
        if kek_id is not None:  # no failover may take it away from under what it will have wrapped
            (kek_id,) = self._links.confirmed(scope_key, (b"GET", scope_key))
        return None if kek_id is None else self._of_scope(scope, kek_id)

    def get(self, environment: EnvironmentId, org: OrgId, kek_id: bytes) -> Kek | None:
        (raw,) = self._links.call((b"GET", self._keyspace.kek(environment, org, kek_id)))
        return None if raw is None else self._records.decode_kek(kek_id, raw)

    def publish(self, scope: KekScope, kek: Kek, event: Event) -> Kek:
        scope_key = self._scope_key(scope)
        kek_key = self._keyspace.kek(scope.environment, scope.org, kek.kek_id)

        def attempt(link: Link, _lost: Sequence[bytes]) -> Commit[bytes] | Settled[bytes]:
            _, holder = link.send((b"WATCH", scope_key), (b"GET", scope_key))
            if holder is not None:
                return Settled(holder)
            writes = ((b"SET", kek_key, self._records.encode_kek(kek)), (b"SET", scope_key, kek.kek_id))
            return Commit((*writes, self._audit.entry(event)), kek.kek_id)

        holder = transact(self._links, kek_key, attempt)
        return kek if holder == kek.kek_id else self._of_scope(scope, holder)

    def _of_scope(self, scope: KekScope, kek_id: bytes) -> Kek:
        kek = self.get(scope.environment, scope.org, kek_id)
        if kek is None or kek.scope != scope.encoded:
            raise IntegrityFailure("KEK pointer")
        return kek

    def _scope_key(self, scope: KekScope) -> bytes:
        return self._keyspace.kek_scope(scope.environment, scope.org, scope.encoded)
