"""Every load and every write that a store knows, on one that has something of everything."""

from dataclasses import dataclass, replace
from typing import Any

from sealring.domain.binding import BindingState
from sealring.domain.binding_ports import BindingChange
from sealring.domain.events import Action, Event, Origin
from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import ObjectId, new_uuid, uuid_text
from sealring.domain.kek import KekScope
from sealring.domain.keyring_ports import KeyringChange, StoredDek
from sealring.domain.keyrings import DekId, Keyring, OwnedKeyring
from sealring.domain.limits import Override
from sealring.domain.limits_ports import LimitsChange
from sealring.domain.ports import Change, Order, PageQuery, Place
from sealring.http.app import Services
from sealring.server.wiring import Stores
from sealring.services.bindings import NewBinding
from sealring.services.visibility import event_of
from support.cmk import CATALOG, Key, gateway_to
from support.make import ACME, ENVIRONMENT, caller, context, services
from support.revocations import begin, revoke, token
from support.stores import on_parts, parts_on

ME = caller(ACME)
ORIGIN = Origin("urn:test", "alice", "request-1")
RING = OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}/payments"))
DEK = StoredDek(DekId("dek_new"), b"record")


@dataclass
class There:
    """A store that is open, and what is in it."""

    stores: Stores
    use: Services
    record: Any
    older: bytes  # the id of its first version
    deleted: Any
    binding: Any
    scope: KekScope
    kek: Any


def filled(links):
    """A new store with something of everything, on links to an empty one."""
    parts = parts_on(links)
    parts.markers.begin()
    stores = Stores.on(parts)
    use = services(on_parts(parts), provider_gateway=gateway_to({"key_one": Key()}), catalog=CATALOG)
    first = use.objects.create(ME, name="name", value="one", context=context())
    record = use.objects.update(ME, str(first.id), value="two", version_check=None, contexts=())
    doomed = use.objects.create(ME, name="doomed", value="v", context=context())
    new = NewBinding(org=ACME, match=context(organization_id=ACME, kind="x"), provider="cmk", key="key_one")
    begin(stores.revocations)
    use.objects.delete(ME, str(doomed.id), version_check=None)
    use.keyrings.encrypt(RING.ring, b"value", ME)
    return There(
        stores,
        use,
        record,
        first.current.id,
        due(links, stores, doomed.id),
        use.bindings.create(ME, new, activate=True),
        KekScope(ENVIRONMENT, ACME, context()),
        stores.keks.get(ENVIRONMENT, ACME, record.current.key_id).active,
    )


def due(links, stores, object_id):
    """A deleted object whose time is over."""

    def decide(current, _moment):
        record = replace(current, purge_at=1)
        return Change(record, event_of(Action.OBJECT_DELETED, record, ME))

    record = stores.objects.amend(object_id, decide, None)
    links.call((b"ZADD", parts_on(links).keyspace.tombstones(object_id.partition), 1, object_id.raw))
    return record


def event(action=Action.METADATA_READ, target=""):
    return Event(action, ENVIRONMENT, ACME, ORIGIN, target)


def page(there, orgs):
    return there.stores.objects.page(PageQuery(ENVIRONMENT, orgs, Order.ASCENDING, 10), event(Action.NAMES_LISTED))


def create(there, idempotent=None):
    new_id = ObjectId.new(there.record.id.home)
    header = replace(there.record.current.envelope.header, object_id=new_id.raw)
    current = replace(there.record.current, number=1, envelope=replace(there.record.current.envelope, header=header))
    record = replace(there.record, id=new_id, name="new", current=current)
    change = Change(record, event_of(Action.OBJECT_CREATED, record, ME))
    return there.stores.objects.create(Place(new_id, ENVIRONMENT, ACME, "new"), lambda _: change, idempotent)


def amend(there, idempotent=None):
    def decide(current, _moment):
        record = replace(current, updated_at=current.updated_at + 1)
        return Change(record, event_of(Action.OBJECT_UPDATED, record, ME))

    return there.stores.objects.amend(there.record.id, decide, idempotent)


def publish(there):
    scope = KekScope(ENVIRONMENT, ACME, context(organization_id=ACME, kind="y"))
    kek = replace(there.kek, kek_id=new_uuid(), scope=scope.encoded)
    return there.stores.keks.publish(scope, kek, event(Action.KEK_CREATED, uuid_text(kek.kek_id)))


def suspend(there):
    def decide(_found, now):
        binding = there.binding.in_state(BindingState.SUSPENDED, now)
        return BindingChange(binding, event(Action.BINDING_CHANGED, uuid_text(binding.id)))

    return there.stores.bindings.change(ENVIRONMENT, ACME, decide)


def set_limits(there):
    change = LimitsChange({ACME: Override(objects=1)}, event(Action.LIMITS_SET, ACME))
    return there.stores.limits.change(ENVIRONMENT, lambda _found: change)


def dek_event(action=Action.KEYRING_DEK_CREATED):
    return replace(event(action, "dek_new"), name=RING.ring.name)


def add_dek(there):
    keyrings = there.stores.keyrings
    return keyrings.add(RING, DEK, keyrings.latest(RING), KeyringChange(dek_event()))


def replace_dek(there):
    keyrings, change = there.stores.keyrings, KeyringChange(dek_event(Action.KEYRING_DEK_REWRAPPED))
    return keyrings.replace(RING, keyrings.latest(RING), b"another", change)


def intent(name):
    return IdempotentRequest(ENVIRONMENT, "actor", name, b"PUT /kv/1", bytes(16))


LOADS = {
    "objects.get": lambda it: it.stores.objects.get(it.record.id),
    "objects.find": lambda it: it.stores.objects.find(ENVIRONMENT, ACME, "name"),
    "objects.find_everywhere": lambda it: it.stores.objects.find_everywhere(ENVIRONMENT, "name"),
    "objects.history": lambda it: it.stores.objects.history(it.record.id, lambda found: found),
    "objects.version": lambda it: it.stores.objects.version(it.record, it.older),
    "objects.page of an organization": lambda it: page(it, frozenset({ACME})),
    "objects.page of all": lambda it: page(it, None),
    "bindings.load": lambda it: it.stores.bindings.load(ENVIRONMENT, ACME),
    "bindings.owner": lambda it: it.stores.bindings.owner(it.binding.id),
    "bindings.owners": lambda it: it.stores.bindings.owners(it.record.id.partition),
    "bindings.uses": lambda it: it.stores.bindings.uses(ENVIRONMENT, ACME, [it.binding]),
    "keks.find": lambda it: it.stores.keks.find(it.scope),
    "keks.get": lambda it: it.stores.keks.get(ENVIRONMENT, ACME, it.kek.kek_id),
    "keks.wraps": lambda it: it.stores.keks.wraps(ENVIRONMENT, ACME, it.kek),
    "idempotency.find": lambda it: it.stores.idempotency.find(ENVIRONMENT, "actor", "key-1", [ACME]),
    "idempotency.find of all": lambda it: it.stores.idempotency.find(ENVIRONMENT, "actor", "key-1", None),
    "tombs.due": lambda it: it.stores.tombs.due(it.record.id.partition, 0),
    "audit.append": lambda it: it.stores.audit.append(event()),
    "revocations.load": lambda it: it.stores.revocations.load(ENVIRONMENT),
    "usage.load": lambda it: it.stores.usage.load(ENVIRONMENT, ACME),
    "limits.load": lambda it: it.stores.limits.load(ENVIRONMENT),
    "keyrings.load": lambda it: it.stores.keyrings.load(RING, DEK.id),
    "keyrings.latest": lambda it: it.stores.keyrings.latest(RING),
    "keyrings.deks": lambda it: it.stores.keyrings.deks(RING),
    "keyrings.page": lambda it: it.stores.keyrings.page(ENVIRONMENT),
    "keyring_log.used": lambda it: it.stores.keyring_log.used(RING, (event(),), {DEK.id: 1}),
    "keyring_log.counts": lambda it: it.stores.keyring_log.counts(RING),
}
WRITES = {
    "objects.create": create,
    "objects.create with a name": lambda it: create(it, intent("key-1")),
    "objects.amend": amend,
    "objects.amend with a name": lambda it: amend(it, intent("key-1")),
    "objects.amend that is recognised": lambda it: amend(it, intent("")),
    "bindings.change": suspend,
    "keks.publish": publish,
    "tombs.purge": lambda it: it.stores.tombs.purge(it.deleted.id),
    "revocations.change": lambda it: revoke(it.stores.revocations, token("t1")),
    "limits.change": set_limits,
    "limits.begin": lambda it: it.stores.limits.begin(ENVIRONMENT, event(Action.LIMITS_CLEARED)),
    "keyrings.add": add_dek,
    "keyrings.replace": replace_dek,
    "keyrings.destroy": lambda it: it.stores.keyrings.destroy(RING, dek_event(Action.KEYRING_DESTROYED)),
    "keyring_log.changed": lambda it: it.stores.keyring_log.changed(RING, KeyringChange(dek_event()), moves_epoch=True),
}
