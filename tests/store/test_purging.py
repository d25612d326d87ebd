"""What is due goes for good, nothing else does, and a full store is no obstacle."""

import io
import time
from dataclasses import replace

import pytest

from sealring.domain.events import Action
from sealring.domain.limits import Use
from sealring.domain.ports import Change, Lease
from sealring.errors import NotFound, StoreFull, StoreLost
from sealring.observability.logs import Log
from sealring.server.housekeeping import Housekeeper
from sealring.services.health_checks import FailedKeys, HealthChecks
from sealring.services.purging import Purged, Purging
from sealring.services.visibility import event_of
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Link
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import PURGE_LEASE, Keyspace
from sealring.store.schema.records import Records
from sealring.store.tombs import RedisTombs
from support.make import ACME, ENVIRONMENT, caller, context, services
from support.stores import KEYS, STORE_ID, on_links

ME = caller(ACME)
DAY_S = 86_400


@pytest.fixture
def store(links):
    return on_links(links)


@pytest.fixture
def use(store):
    return services(store)


@pytest.fixture
def tombs(links):
    return tombs_of(links)


def tombs_of(links):
    keyspace = Keyspace(4, KEYS)
    markers = Markers(links, keyspace, KEYS, STORE_ID)
    audit = RedisAudit(links, keyspace, markers, KEYS)
    return RedisTombs(links, keyspace, markers, Records(KEYS, keyspace.home), audit)


@pytest.fixture
def purging(tombs):
    return Purging(tombs, audit_retention_s=DAY_S)


@pytest.fixture
def due(use, store):
    """An object with an older version, deleted, its time over."""
    record = use.objects.create(ME, name="name", value="v", context=context())
    use.objects.update(ME, str(record.id), value="w", version_check=None, contexts=())
    return past_its_time(use, store, record)


def past_its_time(use, store, record):
    use.objects.delete(ME, str(record.id), version_check=None)

    def decide(current, _now):
        return Change(replace(current, purge_at=1), event_of(Action.OBJECT_DELETED, current, ME))

    return store.objects.amend(record.id, decide, None)


def total(done):
    done = list(done)
    return Purged(*(sum(getattr(each, name) for each in done) for name in ("objects", "events", "refused")))


def keys_of(links, record):
    return [key for key in links.call((b"KEYS", b"s1:*"))[0] if record.id.raw in key]


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

    assert total(purging.run(time.time())) == Purged(objects=0, events=0, refused=1)

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

    assert total(purging.run(time.time())).events == 0
    assert total(purging.run(time.time() + 2 * DAY_S)).events == before
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


def test_two_purges_at_once_count_each_object_once(tombs, due, links):
    links.call((b"ZADD", Keyspace(4, KEYS).tombstones(due.id.partition), 1, due.id.raw))

    assert [tombs.purge(due.id), tombs.purge(due.id)] == [True, True]  # the second finds a tombstone without an object

    assert keys_of(links, due) == []


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


def test_a_lease_ends_by_itself_and_is_renewed_by_whoever_has_it(links, store, tombs):
    left = []
    for seconds in (60, 150, 150):
        tombs.lease(seconds)
        left += links.call((b"TTL", PURGE_LEASE))

    assert 0 < left[0] <= 60
    assert [90 < each <= 150 for each in left[1:]] == [True, True]


def test_one_worker_of_all_purges(links, store, tombs, purging):
    another = tombs_of(links)

    assert [tombs.lease(60), another.lease(60), tombs.lease(60)] == [Lease.OURS, Lease.ANOTHERS, Lease.OURS]


STRANGE_LEASES = [
    (b"SET", PURGE_LEASE, b"nobody"),
    (b"SET", PURGE_LEASE, b"nobody", b"EX", 86_400),
    (b"RPUSH", PURGE_LEASE, b"nobody"),
]


@pytest.mark.parametrize("strange", STRANGE_LEASES, ids=["without an end", "of a day", "of another type"])
def test_what_is_no_lease_of_ours_is_replaced(links, store, tombs, strange):
    links.call(strange)

    assert [tombs.lease(60), tombs.lease(60), tombs_of(links).lease(60)] == [Lease.REPLACED, Lease.OURS, Lease.ANOTHERS]
    assert 50 < links.call((b"TTL", PURGE_LEASE))[0] <= 60


def test_the_lease_of_another_ends_when_it_did_before(links, store, tombs):
    """Nobody makes it shorter, or longer, for asking."""
    tombs_of(links).lease(60)
    links.call((b"EXPIRE", PURGE_LEASE, 30))

    tombs.lease(60)

    assert 20 < links.call((b"TTL", PURGE_LEASE))[0] <= 30


def housekeeper_of(store, tombs, purging, log=None):
    return Housekeeper(
        purging, HealthChecks(store.bindings, services(store).bindings, FailedKeys()), tombs.lease, Log(log)
    )


def test_a_worker_leaves_housekeeping_to_the_one_that_has_the_lease(links, store, tombs, purging, due):
    links.call((b"ZADD", Keyspace(4, KEYS).tombstones(due.id.partition), 1, due.id.raw))
    housekeeper = housekeeper_of(store, tombs, purging)
    links.call((b"SET", PURGE_LEASE, b"another worker", b"EX", 60))

    housekeeper.purge()
    left = keys_of(links, due)
    links.call((b"DEL", PURGE_LEASE))
    housekeeper.purge()

    assert left != []
    assert keys_of(links, due) == []


@pytest.mark.parametrize("strange", STRANGE_LEASES, ids=["without an end", "of a day", "of another type"])
def test_what_is_no_lease_of_ours_keeps_nothing_from_being_purged(links, store, tombs, purging, due, strange):
    links.call((b"ZADD", Keyspace(4, KEYS).tombstones(due.id.partition), 1, due.id.raw), strange)
    said = io.StringIO()

    housekeeper_of(store, tombs, purging, said).purge()

    assert keys_of(links, due) == []
    assert said.getvalue().count("housekeeping: the lease of another worker in the store was malformed") == 1


def test_a_damaged_partition_keeps_no_other_from_being_purged(links, store, tombs, purging, due):
    damaged = (due.id.partition - 1) % 4
    links.call(
        (b"ZADD", Keyspace(4, KEYS).tombstones(due.id.partition), 1, due.id.raw),
        (b"SET", Keyspace(4, KEYS).tombstones(damaged), b"x"),
    )
    said = io.StringIO()

    housekeeper_of(store, tombs, purging, said).purge()

    assert keys_of(links, due) == []
    assert "housekeeping: 1 partitions are damaged and were not purged; run `sealring verify`" in said.getvalue()


def test_damaged_tombstones_keep_no_events_and_damaged_events_no_objects_from_being_purged(purging, due, links, store):
    keyspace = Keyspace(4, KEYS)
    other = (due.id.partition + 1) % 4
    links.call(
        (b"ZADD", keyspace.tombstones(due.id.partition), 1, due.id.raw),
        (b"XADD", keyspace.audit(other), b"1-0", b"e", b"old"),
        (b"DEL", keyspace.audit(due.id.partition)),
        (b"SET", keyspace.audit(due.id.partition), b"x"),
        (b"SET", keyspace.tombstones(other), b"x"),
    )

    done = list(purging.run(time.time()))

    assert keys_of(links, due) == []
    assert [each.damaged for each in done] == [partition in {due.id.partition, other} for partition in range(4)]
    assert links.call((b"XLEN", keyspace.audit(other))) == [0]


def test_housekeeping_goes_on_after_a_failure(tombs, purging, links):
    said = io.StringIO()
    housekeeper = housekeeper_of(on_links(links), tombs, purging, said)
    links.call((b"CONFIG", b"SET", b"maxmemory", b"1"))
    try:
        housekeeper.attempt(housekeeper.purge)
    finally:
        links.call((b"CONFIG", b"SET", b"maxmemory", b"0"))

    assert "housekeeping failed (StoreFull)" in said.getvalue()
    assert housekeeper.attempt(housekeeper.purge) is None


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
