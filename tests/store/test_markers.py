"""A store that was emptied or replaced is lost, and never an empty one: for every load and every write."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.binding import BindingState
from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import NO_ORG, ObjectId, new_uuid, uuid_text
from sealring.domain.intent import Intent
from sealring.domain.kek import KekScope
from sealring.domain.ports import BindingChange, Change, Order, PageQuery, Place
from sealring.errors import StoreFull, StoreLost
from sealring.factory import Services
from sealring.services.bindings import NewBinding
from sealring.services.visibility import event_of
from sealring.store import redis_tombs
from sealring.store.link import Link
from sealring.wiring import Stores
from support.cmk import CATALOG, Key, gateway_to
from support.make import ACME, BETA, ENVIRONMENT, caller, context, services
from support.revocations import begin, revoke, token
from support.stores import STORE_ID, on_parts, parts_on
from support.tampering import every_bit_of

ME = caller(ACME)
ORIGIN = Origin("urn:test", "alice", "request-1")
NOT_BELIEVED = (b"}:d:", b"}:i:", b"}:w")  # hints, marks and fences


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


@pytest.fixture
def there(links):
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


def dump(links):
    """All that is believed, with what it holds."""
    keys = sorted(key for key in links.scan(b"*") if not any(each in key for each in NOT_BELIEVED))
    return dict(zip(keys, links.call(*((b"DUMP", key) for key in keys)), strict=True)) if keys else {}


def event(action=Action.METADATA_READ, target=""):
    return Event(action, ENVIRONMENT, ACME, ORIGIN, target)


def page(there, orgs):
    return there.stores.objects.page(PageQuery(ENVIRONMENT, orgs, Order.ASCENDING, 10), event(Action.NAMES_LISTED))


def create(there, intent=None):
    new_id = ObjectId.new(there.record.id.home)
    header = replace(there.record.current.envelope.header, object_id=new_id.raw)
    current = replace(there.record.current, number=1, envelope=replace(there.record.current.envelope, header=header))
    record = replace(there.record, id=new_id, name="new", current=current)
    change = Change(record, event_of(Action.OBJECT_CREATED, record, ME))
    return there.stores.objects.create(Place(new_id, ENVIRONMENT, ACME, "new"), lambda _: change, intent)


def amend(there, intent=None):
    def decide(current, _moment):
        record = replace(current, updated_at=current.updated_at + 1)
        return Change(record, event_of(Action.OBJECT_UPDATED, record, ME))

    return there.stores.objects.amend(there.record.id, decide, intent)


def publish(there):
    scope = KekScope(ENVIRONMENT, ACME, context(organization_id=ACME, kind="y"))
    kek = replace(there.kek, kek_id=new_uuid(), scope=scope.encoded)
    return there.stores.keks.publish(scope, kek, event(Action.KEK_CREATED, uuid_text(kek.kek_id)))


def suspend(there):
    def decide(_found, now):
        binding = there.binding.turned(BindingState.SUSPENDED, now)
        return BindingChange(binding, event(Action.BINDING_CHANGED, uuid_text(binding.id)))

    return there.stores.bindings.change(ENVIRONMENT, ACME, decide)


def intent(name):
    return Intent(ENVIRONMENT, "actor", name, b"PUT /kv/1", bytes(16))


LOADS = {
    "objects.get": lambda it: it.stores.objects.get(it.record.id),
    "objects.find": lambda it: it.stores.objects.find(ENVIRONMENT, ACME, "name"),
    "objects.find_everywhere": lambda it: it.stores.objects.find_everywhere(ENVIRONMENT, "name"),
    "objects.history": lambda it: it.stores.objects.history(it.record.id, lambda found: found),
    "objects.version": lambda it: it.stores.objects.version(it.record, it.older),
    "objects.page of an organization": lambda it: page(it, frozenset({ACME})),
    "objects.page of all": lambda it: page(it, None),
    "bindings.load": lambda it: it.stores.bindings.load(ENVIRONMENT, ACME),
    "bindings.find": lambda it: it.stores.bindings.find(it.binding.id),
    "bindings.owners": lambda it: it.stores.bindings.owners(it.record.id.partition),
    "keks.find": lambda it: it.stores.keks.find(it.scope),
    "keks.get": lambda it: it.stores.keks.get(ENVIRONMENT, ACME, it.kek.kek_id),
    "keks.wraps": lambda it: it.stores.keks.wraps(ENVIRONMENT, ACME, it.kek),
    "intents.find": lambda it: it.stores.intents.find(ENVIRONMENT, "actor", "key-1", [ACME]),
    "intents.find of all": lambda it: it.stores.intents.find(ENVIRONMENT, "actor", "key-1", None),
    "tombs.due": lambda it: it.stores.tombs.due(it.record.id.partition, 0),
    "revocations.load": lambda it: it.stores.revocations.load(ENVIRONMENT),
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
}


def emptied(links):
    links.call((b"FLUSHALL",))


def replaced(links):
    """By a store that has the same key, and another id."""
    emptied(links)
    parts_on(links, store_id=bytes(16)).markers.begin()


def forged(links):
    """By a store of that id that has another key."""
    emptied(links)
    parts_on(links, keys=StoreKeys(bytes(32))).markers.begin()


def without_markers_of_its_partitions(links):
    links.call(*((b"DEL", marker_key(partition)) for partition in partitions_of_acme(links)))


def with_markers_of_other_partitions(links):
    mine = partitions_of_acme(links)
    (other, *_) = set(range(4)) - mine
    links.call(*((b"COPY", marker_key(other), marker_key(each), b"REPLACE") for each in mine))


def partitions_of_acme(links):
    """The one of the organization, and the one of what is of none."""
    keyspace = parts_on(links).keyspace
    return {keyspace.partition(ENVIRONMENT, org) for org in (ACME, NO_ORG)}


def marker_key(partition):
    return b"s1:{%d}:z" % partition


lost = pytest.mark.parametrize(
    "lose",
    [emptied, replaced, forged, without_markers_of_its_partitions, with_markers_of_other_partitions],
    ids=lambda each: each.__name__,
)


@lost
@pytest.mark.parametrize("use", LOADS.values(), ids=LOADS)
def test_no_load_takes_a_lost_store_for_an_empty_one(links, there, lose, use):
    use(there)  # what it learned before does not help

    lose(links)

    with pytest.raises(StoreLost):
        use(there)


@lost
@pytest.mark.parametrize("use", WRITES.values(), ids=WRITES)
def test_nothing_is_written_into_a_lost_store(links, there, lose, use):
    lose(links)
    before = dump(links)

    with pytest.raises(StoreLost):
        use(there)

    assert dump(links) == before


@lost
def test_a_list_of_revocations_is_not_begun_anew_in_a_lost_store(links, there, lose):
    lose(links)
    before = dump(links)

    with pytest.raises(StoreLost):
        begin(there.stores.revocations)

    assert dump(links) == before


@lost
def test_whoever_opens_a_lost_store_now_sees_it_too(links, there, lose):
    """Without having seen it whole."""
    lose(links)

    with pytest.raises(StoreLost):
        parts_on(links).markers.check_all()
    with pytest.raises(StoreLost):
        Stores.on(parts_on(links)).objects.get(there.record.id)


def test_other_partitions_go_on(links, there):
    """The one of BETA."""
    assert parts_on(links).keyspace.partition(ENVIRONMENT, BETA) not in partitions_of_acme(links)
    without_markers_of_its_partitions(links)

    assert there.stores.bindings.load(ENVIRONMENT, BETA).bindings == []


# --- at the last moment


@pytest.fixture
def before_the_write(monkeypatch):
    """Does something once, when a transaction is about to be sent."""
    waiting = []

    def act_first(act):
        waiting.append(act)

    send = Link.send

    def acting(self, *commands):
        if commands[:1] == ((b"MULTI",),) and any(command[0] == b"XADD" for command in commands) and waiting:
            waiting.pop()()
        return send(self, *commands)

    monkeypatch.setattr(Link, "send", acting)
    return act_first


@pytest.mark.parametrize("use", WRITES.values(), ids=WRITES)
def test_a_write_watches_the_marker(links, there, before_the_write, use):
    """Of a store that loses its markers after they were looked at, and nothing else."""
    before = {}

    def lose():
        before.update(dump(links))
        links.call(*((b"DEL", marker_key(partition)) for partition in range(4)))

    before_the_write(lose)

    with pytest.raises(StoreLost):
        use(there)

    assert before
    assert dump(links) == {key: raw for key, raw in before.items() if not key.endswith(b"}:z")}


def test_a_full_store_that_was_lost_is_not_purged(links, there, monkeypatch):
    """Outside of a transaction, where no marker can be watched."""

    def full(*_):
        without_markers_of_its_partitions(links)
        raise StoreFull

    monkeypatch.setattr(redis_tombs, "transact", full)

    with pytest.raises(StoreLost):
        there.stores.tombs.purge(there.deleted.id)

    assert links.call((b"EXISTS", parts_on(links).keyspace.object(there.deleted.id))) == [1]


def test_a_page_that_was_begun_is_not_ended_in_a_lost_store(links, there, monkeypatch):
    """A search that finds nothing looks at the index piece by piece."""
    for number in range(5):
        there.use.objects.create(ME, name=f"more {number}", value="v", context=context())
    query = PageQuery(ENVIRONMENT, frozenset({ACME}), Order.ASCENDING, 1, search="more 4")
    send, pieces = Link.send, []

    def losing(self, *commands):
        if any(command[0] == b"ZRANGE" for command in commands):
            pieces.append(commands)
            if len(pieces) == 2:
                emptied(links)
        return send(self, *commands)

    monkeypatch.setattr(Link, "send", losing)

    with pytest.raises(StoreLost):
        there.stores.objects.page(query, event(Action.NAMES_LISTED))

    assert len(pieces) == 2


# --- with what a server knows by heart


def test_nothing_that_is_known_by_heart_is_answered_from_a_lost_store(links):
    """Bindings, KEKs and their opened form."""
    parts = parts_on(links)
    parts.markers.begin()
    use = services(on_parts(parts))
    pair = use.data_keys.create(ME, context())
    record = use.objects.create(ME, name="name", value="v", context=context())
    emptied(links)

    for answer in (
        lambda: use.data_keys.create(ME, context()),
        lambda: use.data_keys.decrypt(ME, pair.wrapped),
        lambda: use.data_keys.rekey(ME, pair.wrapped, context(organization_id=ACME, kind="x")),
        lambda: use.objects.create(ME, name="new", value="v", context=context()),
        lambda: use.objects.read(ME, str(record.id)),
        lambda: use.objects.update(ME, str(record.id), value="w", version_check=None, contexts=()),
    ):
        with pytest.raises(StoreLost):
            answer()


# --- generations


@pytest.fixture
def forgetting(links):
    """Markers that know the first generation, and how often something was forgotten."""
    markers, forgotten = parts_on(links).markers, []
    markers.begin()
    markers.when_renewed(lambda: forgotten.append(True))
    markers.check_all()
    return markers, forgotten


def test_what_was_never_known_is_not_forgotten(forgetting):
    markers, forgotten = forgetting

    markers.check_all()

    assert forgotten == []


def test_another_generation_is_taken_and_all_that_was_known_is_forgotten_once(links, forgetting):
    markers, forgotten = forgetting
    parts_on(links).markers.begin_again()

    for partition in (2, 0, 2):
        assert markers.load(partition, (b"EXISTS", b"s1:{%d}:o" % partition)) == [0]
    markers.check_all()

    assert forgotten == [True]


def test_a_new_store_is_of_the_same_generation_however_often_it_is_made_ready(links, forgetting):
    markers, forgotten = forgetting

    parts_on(links).markers.begin()
    markers.check_all()

    assert forgotten == []


def test_a_generation_is_random_and_the_same_in_all_partitions(links):
    made = []
    for _ in range(2):
        parts_on(links).markers.begin_again()
        found = links.call(*((b"GET", marker_key(partition)) for partition in range(4)))
        assert [raw[:16] for raw in found] == [STORE_ID] * 4
        assert len({raw[16:32] for raw in found}) == 1
        assert len({raw[32:] for raw in found}) == 4
        made.append(found[0][16:32])

    assert len({*made, STORE_ID}) == 3


def test_each_bit_of_a_marker_counts(links, forgetting):
    markers, _ = forgetting
    (raw,) = links.call((b"GET", marker_key(1)))
    accepted = 0
    for flipped in [*every_bit_of(raw), raw[:-1], raw + b"\0", b"", raw[:32]]:
        links.call((b"SET", marker_key(1), flipped))
        try:
            markers.load(1, (b"TIME",))
        except StoreLost:
            continue
        accepted += 1

    assert accepted == 0
    assert len(raw) == 48
