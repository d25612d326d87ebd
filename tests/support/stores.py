"""The stores that must keep the same promises: in memory, on fakeredis, on a real Valkey."""

from collections.abc import Callable
from dataclasses import dataclass

import fakeredis

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.ports import AuditLog, BindingStore, IntentLog, KekStore, ObjectStore
from sealring.store.keyspace import Keyspace
from sealring.store.links import Links
from sealring.store.memory import MemoryAudit, MemoryBindings, MemoryIntents, MemoryKeks, MemoryObjects
from sealring.store.records import Records
from sealring.store.redis_audit import RedisAudit
from sealring.store.redis_bindings import RedisBindings
from sealring.store.redis_index import RedisIndex
from sealring.store.redis_intents import RedisIntents
from sealring.store.redis_keks import RedisKeks
from sealring.store.redis_objects import RedisObjects
from sealring.store.topology import OneNode

KEYS = StoreKeys(bytes(range(32)))


@dataclass
class Store:
    objects: ObjectStore
    intents: IntentLog
    bindings: BindingStore
    keks: KekStore
    audit: AuditLog
    keys: StoreKeys
    actions: Callable[[], list[str]]  # of the audit log, oldest first


def memory() -> Store:
    audit = MemoryAudit()
    intents = MemoryIntents()
    objects = MemoryObjects(audit, intents, KEYS)
    keks = MemoryKeks(audit)
    bindings = MemoryBindings(audit, keks)
    return Store(objects, intents, bindings, keks, audit, KEYS, lambda: [event.action.value for event in audit.events])


def on_links(links: Links, partitions: int = 4, keys: StoreKeys = KEYS) -> Store:
    keyspace = Keyspace(partitions, keys)
    records = Records(keys, keyspace.home)
    audit = RedisAudit(links, keyspace, keys)
    intents = RedisIntents(links, keyspace, records, keys)
    objects = RedisObjects(links, keyspace, records, RedisIndex(links, keyspace, keys), audit, intents)
    bindings = RedisBindings(links, keyspace, records, audit)
    keks = RedisKeks(links, keyspace, records, audit)
    return Store(objects, intents, bindings, keks, audit, keys, lambda: _actions(links, keyspace))


def on_fakeredis(partitions: int = 4) -> Store:
    return on_links(fake_links(), partitions)


def fake_links() -> Links:
    server = fakeredis.FakeServer(server_type="valkey")
    return Links(OneNode(lambda: fakeredis.FakeRedisConnection(server=server, protocol=2)))


def _actions(links: Links, keyspace: Keyspace) -> list[str]:
    entries = []
    for partition in range(keyspace.partitions):
        entries += links.call((b"XRANGE", keyspace.audit(partition), b"-", b"+"))[0]
    entries.sort(key=lambda entry: tuple(map(int, entry[0].split(b"-"))))
    return [fields[fields.index(b"action") + 1].decode() for _, fields in entries]
