"""One worker of all purges, and no failure keeps it from the rest."""

import io
import time

import pytest

from sealring.domain.ports import Lease
from sealring.observability.logs import Log
from sealring.server.housekeeping import Housekeeper
from sealring.services.health_checks import FailedKeys, HealthChecks
from sealring.services.purging import Purging
from sealring.store.schema.keyspace import PURGE_LEASE, Keyspace
from store.purging_kit import DAY_S, ME, keys_of, past_its_time, tombs_of
from support.make import context, services
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


def test_two_purges_at_once_count_each_object_once(tombs, due, links):
    links.call((b"ZADD", Keyspace(4, KEYS).tombstones(due.id.partition), 1, due.id.raw))

    assert [tombs.purge(due.id), tombs.purge(due.id)] == [True, True]  # the second finds a tombstone without an object

    assert keys_of(links, due) == []


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
