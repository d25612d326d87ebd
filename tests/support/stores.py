"""The stores that must keep the same promises: in memory, on fakeredis, on a real Valkey."""

from collections.abc import Callable
from dataclasses import dataclass

import fakeredis

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.binding_ports import BindingStore
from sealring.domain.checks import CheckStore
from sealring.domain.events import Event
from sealring.domain.keyring_ports import KeyringLog, KeyringStore
from sealring.domain.limits_ports import UsageStore
from sealring.domain.portal_ports import PortalStore
from sealring.domain.ports import AuditLog, IdempotencyLog, KekStore, ObjectStore
from sealring.server.wiring import Stores
from sealring.store.connection.links import Links
from sealring.store.connection.topology import OneNode
from sealring.store.index import RedisIndex
from sealring.store.markers import Markers
from sealring.store.opened import OpenedStore
from sealring.store.schema.audit_entry import decode_entry
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records
from support.memory import MemoryAudit, MemoryBindings, MemoryIdempotency, MemoryKeks, MemoryUsage
from support.memory_checks import MemoryChecks
from support.memory_keyrings import MemoryKeyrings
from support.memory_objects import MemoryObjects
from support.memory_portal import MemoryPortal

KEYS = StoreKeys(bytes(range(32)))
STORE_ID = bytes(range(16))


@dataclass
class Store:
    objects: ObjectStore
    idempotency: IdempotencyLog
    bindings: BindingStore
    keks: KekStore
    audit: AuditLog
    keys: StoreKeys
    usage: UsageStore
    keyrings: KeyringStore
    keyring_log: KeyringLog
    portal: PortalStore
    checks: CheckStore
    events: Callable[[], list[Event]]  # of the audit log, oldest first
    when_renewed: Callable[[Callable[[], None]], None] = lambda _forget: None  # the store became another generation

    def actions(self) -> list[str]:
        return [event.action.value for event in self.events()]


def memory() -> Store:
    audit = MemoryAudit()
    idempotency = MemoryIdempotency()
    objects = MemoryObjects(audit, idempotency, KEYS)
    keks = MemoryKeks(audit)
    bindings = MemoryBindings(audit, keks)
    keyrings = MemoryKeyrings(audit)
    usage = MemoryUsage(audit)
    portal = MemoryPortal(audit, KEYS)
    return Store(
        objects,
        idempotency,
        bindings,
        keks,
        audit,
        KEYS,
        usage,
        keyrings,
        keyrings,
        portal,
        MemoryChecks(),
        lambda: list(audit.events),
    )


def on_links(links: Links, partitions: int = 4, keys: StoreKeys = KEYS, store_id: bytes = STORE_ID) -> Store:
    """A new store, on links to an empty one."""
    parts = parts_on(links, partitions, keys, store_id)
    parts.markers.begin()
    return on_parts(parts)


def parts_on(links: Links, partitions: int = 4, keys: StoreKeys = KEYS, store_id: bytes = STORE_ID) -> OpenedStore:
    """What of a store does not depend on what is in it."""
    keyspace = Keyspace(partitions, keys)
    markers = Markers(links, keyspace, keys, store_id)
    records = Records(keys, keyspace.home)
    return OpenedStore(links, keys, keyspace, markers, records, RedisIndex(keyspace, markers, records))


def on_parts(parts: OpenedStore) -> Store:
    """A store that is there."""
    stores = Stores.on(parts)
    return Store(
        stores.objects,
        stores.idempotency,
        stores.bindings,
        stores.keks,
        stores.audit,
        parts.keys,
        stores.usage,
        stores.keyrings,
        stores.keyring_log,
        stores.portal,
        stores.checks,
        lambda: _events(parts.links, parts.keyspace, parts.keys),
        parts.markers.when_renewed,
    )


def on_fakeredis(partitions: int = 4) -> Store:
    return on_links(fake_links(), partitions)


def fake_links() -> Links:
    server = fakeredis.FakeServer(server_type="valkey")
    return Links(OneNode(lambda: fakeredis.FakeRedisConnection(server=server, protocol=2)))


def _events(links: Links, keyspace: Keyspace, keys: StoreKeys) -> list[Event]:
    entries = []
    for partition in range(keyspace.partitions):
        found = links.call((b"XRANGE", keyspace.audit(partition), b"-", b"+"))[0]
        for event_id, (_, body) in found:
            entries += [(event_id, event) for event in decode_entry(keys, partition, body).events]
    entries.sort(key=lambda entry: tuple(map(int, entry[0].split(b"-"))))
    return [event for _, event in entries]
