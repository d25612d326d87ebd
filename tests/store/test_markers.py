"""A store that was emptied or replaced is lost, and never an empty one: for every load and every write."""

import pytest

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.events import Action
from sealring.domain.ids import NO_ORG
from sealring.domain.ports import Order, PageQuery
from sealring.errors import StoreFull, StoreLost
from sealring.server.wiring import Stores
from sealring.store import tombs
from sealring.store.connection.link import Link
from store.every_use import LOADS, ME, WRITES, event, filled
from support.make import ACME, BETA, ENVIRONMENT, context, services
from support.revocations import begin
from support.stores import on_parts, parts_on

NOT_BELIEVED = (b"}:d:", b"}:i:", b"}:w")  # hints, marks and fences


def marker_key(partition):
    return b"s1:{%d}:z" % partition


@pytest.fixture
def there(links):
    return filled(links)


def dump(links):
    """All that is believed, with what it holds."""
    keys = sorted(key for key in links.scan(b"*") if not any(each in key for each in NOT_BELIEVED))
    return dict(zip(keys, links.call(*((b"DUMP", key) for key in keys)), strict=True)) if keys else {}


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
        if (b"MULTI",) in commands and any(command[0] == b"XADD" for command in commands) and waiting:
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

    monkeypatch.setattr(tombs, "transact", full)

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
