"""What is due goes for good, nothing else does, and a full store is no obstacle."""

import time

import pytest

from sealring.domain.limits import Use
from sealring.errors import NotFound, StoreFull, StoreLost
from sealring.services.purging import Purged, Purging
from sealring.store.connection.link import Link
from sealring.store.schema.keyspace import Keyspace
from store.purging_kit import DAY_S, ME, keys_of, past_its_time, tombs_of
from support.make import ACME, ENVIRONMENT, context, services
from support.stores import KEYS, on_links


@pytest.fixture
def store(links):
    return on_links(links)


@pytest.fixture
def use(store):
    return services(store)


@pytest.fixture
def tombs(links):
    return tombs_of(links)


@pytest.fixture
def purging(tombs):
    return Purging(tombs, audit_retention_s=DAY_S)


@pytest.fixture
def due(use, store):
    """An object with an older version, deleted, its time over."""
    record = use.objects.create(ME, name="name", value="v", context=context())
    use.objects.update(ME, str(record.id), value="w", version_check=None, contexts=())
    return past_its_time(use, store, record)


def total(done):
    done = list(done)
    return Purged(*(sum(getattr(each, name) for each in done) for name in ("objects", "entries", "refused")))


def test_an_object_that_is_due_goes_with_its_versions(purging, due, links, store):
    links.call((b"ZADD", Keyspace(4, KEYS).tombstones(due.id.partition), 1, due.id.raw))

    assert total(purging.run(time.time())).objects == 1

    assert keys_of(links, due) == []
    assert links.call((b"ZCARD", Keyspace(4, KEYS).tombstones(due.id.partition))) == [0]
    assert store.actions()[-1] == "vault.object.purged"


def test_an_object_that_is_not_due_stays_restorable(purging, use):
    record = use.objects.create(ME, name="name", value="v", context=context())
    use.objects.delete(ME, str(record.id), version_check=None)

    assert total(purging.run(time.time())).objects == 0

    assert use.objects.restore(ME, str(record.id)).live


def test_what_is_purged_is_counted_off_with_its_older_versions(purging, due, use, links, store):
    use.objects.create(ME, name="stays", value="stays", context=context())
    links.call((b"ZADD", Keyspace(4, KEYS).tombstones(due.id.partition), 1, due.id.raw))

    assert total(purging.run(time.time())).objects == 1

    assert store.usage.load(ENVIRONMENT, ACME) == Use(objects=1, stored_bytes=21, contexts=1)


def test_an_altered_summary_does_not_keep_an_object_from_its_purge(purging, due, links, store):
    keyspace = Keyspace(4, KEYS)
    links.call(
        (b"ZADD", keyspace.tombstones(due.id.partition), 1, due.id.raw),
        (b"LSET", keyspace.summaries(due.id), 0, b"noise"),
    )

    assert total(purging.run(time.time())).objects == 1

    assert store.usage.load(ENVIRONMENT, ACME) == Use(objects=0, stored_bytes=17, contexts=1)


def test_a_deleted_object_stays_for_its_own_time_whatever_the_tombstones_say(purging, use, links):
    record = use.objects.create(ME, name="name", value="v", context=context())
    deleted = use.objects.delete(ME, str(record.id), version_check=None)
    tombstones = Keyspace(4, KEYS).tombstones(record.id.partition)
    links.call((b"ZADD", tombstones, 1, record.id.raw))

    assert total(purging.run(time.time())).objects == 0

    links.call((b"ZADD", tombstones, deleted.purge_at, record.id.raw))
    assert use.objects.restore(ME, str(record.id)).live


def test_a_live_object_stays_whatever_the_tombstones_say(purging, use, links):
    record = use.objects.create(ME, name="name", value="v", context=context())
    links.call((b"ZADD", Keyspace(4, KEYS).tombstones(record.id.partition), 1, record.id.raw))

    assert total(purging.run(time.time())).objects == 0

    assert use.objects.read_by_name(ME, "name", None).value == "v"


def test_a_damaged_record_stays_and_is_counted(purging, due, links):
    tombstones = Keyspace(4, KEYS).tombstones(due.id.partition)
    links.call((b"ZADD", tombstones, 1, due.id.raw), (b"APPEND", Keyspace(4, KEYS).object(due.id), b"x"))

    assert total(purging.run(time.time())) == Purged(objects=0, entries=0, refused=1)

    assert len(keys_of(links, due)) == 3


def test_a_purge_that_was_cut_short_is_finished(purging, due, links):
    keyspace = Keyspace(4, KEYS)
    links.call((b"ZADD", keyspace.tombstones(due.id.partition), 1, due.id.raw), (b"UNLINK", keyspace.object(due.id)))

    total(purging.run(time.time()))

    assert keys_of(links, due) == []
    assert links.call((b"ZCARD", keyspace.tombstones(due.id.partition))) == [0]


def test_old_audit_events_go_and_young_ones_stay(purging, use, links, store):
    use.objects.create(ME, name="name", value="v", context=context())
    before = len(store.actions())

    assert total(purging.run(time.time())).entries == 0
    assert total(purging.run(time.time() + 2 * DAY_S)).entries == before
    assert store.actions() == []


def test_a_full_store_is_purged_without_a_transaction(purging, due, use, links, store):
    links.call((b"ZADD", Keyspace(4, KEYS).tombstones(due.id.partition), 1, due.id.raw))
    links.call((b"CONFIG", b"SET", b"maxmemory", b"1"))
    try:
        with pytest.raises(StoreFull):
            use.objects.create(ME, name="other", value="v", context=context())

        assert total(purging.run(time.time())).objects == 1

        assert keys_of(links, due) == []
        assert store.usage.load(ENVIRONMENT, ACME) == Use(1, 34, 1)  # as before: there was no memory to count
    finally:
        links.call((b"CONFIG", b"SET", b"maxmemory", b"0"))


def test_nobody_leads_in_a_store_that_is_lost(links, store, tombs):
    links.call((b"FLUSHALL",))

    with pytest.raises(StoreLost):
        tombs.lease(60)

    assert links.call((b"DBSIZE",)) == [0]


def test_an_object_that_another_purges_at_the_same_moment_is_told_of_once(links, store, due, tombs, monkeypatch):
    send, another = Link.send, [tombs_of(links)]

    def overtaken(self, *commands):
        if (b"MULTI",) in commands and another:
            assert another.pop().purge(due.id)
        return send(self, *commands)

    monkeypatch.setattr(Link, "send", overtaken)

    assert tombs.purge(due.id)

    assert another == []
    assert store.actions().count("vault.object.purged") == 1


def test_a_purged_object_is_not_found(purging, due, use, links):
    links.call((b"ZADD", Keyspace(4, KEYS).tombstones(due.id.partition), 1, due.id.raw))
    total(purging.run(time.time()))

    with pytest.raises(NotFound):
        use.objects.restore(ME, str(due.id))


@pytest.mark.parametrize("strange", [b"\xff" * 16, b"x", b"", "elsewhere"])
def test_a_tombstone_that_nobody_of_us_wrote_stops_nobody(links, due, purging, strange):
    """Of a partition that does not exist, of no object at all, or of another partition."""
    tombstones = Keyspace(4, KEYS).tombstones(due.id.partition)
    elsewhere = ((due.id.partition + 1) % 4 << 4).to_bytes(2) + bytes(14)
    links.call((b"ZADD", tombstones, 1, due.id.raw))
    links.call((b"ZADD", tombstones, 0, elsewhere if strange == "elsewhere" else strange))

    assert total(purging.run(time.time())).objects == 1
    assert links.call((b"ZCARD", tombstones)) == [0]
