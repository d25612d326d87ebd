"""Stored keyrings: one newest DEK whoever makes it, nothing replaced by accident, and every change told."""

from contextlib import suppress
from threading import Barrier, Thread

import pytest

from sealring.domain.events import Action
from sealring.domain.keyring_ports import StoredDek
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.errors import IntegrityFailure
from store.conftest import LINKS, store_of
from store.keyring_kit import ONE, ONE_ID, RING, THREE, TWO, change, dek, epoch, event, record
from support import stores
from support.make import BETA, ENVIRONMENT, OTHER_ENVIRONMENT

OTHER = OwnedKeyring(ENVIRONMENT, Keyring(f"{BETA}/payments"))
AGAIN, LATE = (record(ONE_ID, each) for each in (b"again", b"late"))


@pytest.fixture(params=["memory", "fakeredis", *LINKS, "bucket"])
def store(request):
    """An empty store of each kind; `bucket` has its keyrings in S3-compatible storage."""
    if request.param != "bucket":
        return store_of(request)
    return request.getfixturevalue("buckets").store(stores.on_fakeredis(), request.getfixturevalue("storage").made())


def plain(dek):
    return dek and (dek.id, dek.record)


def test_a_new_dek_is_the_newest(store):
    assert store.keyrings.latest(RING) is None

    assert store.keyrings.add(RING, ONE, None, change())

    assert plain(store.keyrings.latest(RING)) == ("dek_one", ONE.record)
    assert plain(store.keyrings.load(RING, ONE.id)) == ("dek_one", ONE.record)
    assert store.keyrings.load(RING, TWO.id) is None
    assert store.keyrings.load(OTHER, ONE.id) is None
    assert store.actions() == ["vault.keyring.dek_created"]


def test_of_two_first_deks_the_first_stays_the_newest(store):
    assert store.keyrings.add(RING, ONE, None, change())

    assert not store.keyrings.add(RING, TWO, None, change())

    assert plain(store.keyrings.latest(RING)) == ("dek_one", ONE.record)
    assert store.keyrings.load(RING, TWO.id) is None


def test_a_dek_replaces_the_newest_only_if_that_is_the_expected_one(store):
    store.keyrings.add(RING, ONE, None, change())
    first = store.keyrings.latest(RING)
    store.keyrings.add(RING, TWO, first, change())

    assert not store.keyrings.add(RING, THREE, first, change())

    assert plain(store.keyrings.latest(RING)) == ("dek_two", TWO.record)
    assert plain(store.keyrings.load(RING, ONE.id)) == ("dek_one", ONE.record)


def test_no_dek_replaces_another_of_the_same_id(store):
    store.keyrings.add(RING, ONE, None, change())

    assert not store.keyrings.add(
        RING, StoredDek(ONE.id, record(ONE.id, b"other")), store.keyrings.latest(RING), change()
    )

    assert plain(store.keyrings.latest(RING)) == ("dek_one", ONE.record)


def test_a_dek_that_was_stored_already_is_not_stored_twice(store):
    store.keyrings.add(RING, ONE, None, change())

    assert store.keyrings.add(RING, ONE, None, change())

    assert list(map(plain, store.keyrings.deks(RING))) == [("dek_one", ONE.record)]


def test_only_a_dek_that_follows_another_moves_the_epoch(store):
    before = epoch(store)
    store.keyrings.add(RING, ONE, None, change())
    assert epoch(store) == before

    store.keyrings.add(RING, TWO, store.keyrings.latest(RING), change())

    assert epoch(store) != before


def test_a_dek_of_another_epoch_is_not_stored(store):
    before = epoch(store)
    store.keyring_log.changed(RING, change(), moves_epoch=True)

    assert not store.keyrings.add(RING, ONE, None, change(epoch=before))
    assert store.keyrings.latest(RING) is None
    assert store.keyrings.add(RING, ONE, None, change(epoch=epoch(store)))
    read = store.keyrings.load(RING, ONE.id)
    assert not store.keyrings.replace(RING, read, AGAIN, change(epoch=before))
    assert store.keyrings.replace(RING, read, AGAIN, change(epoch=epoch(store)))


def test_a_record_is_replaced_only_if_it_is_the_one_that_was_read(store):
    store.keyrings.add(RING, ONE, None, change())
    read = store.keyrings.load(RING, ONE.id)

    assert store.keyrings.replace(RING, read, AGAIN, change())
    assert not store.keyrings.replace(RING, read, LATE, change())

    assert plain(store.keyrings.latest(RING)) == ("dek_one", AGAIN)
    assert plain(store.keyrings.load(RING, ONE.id)) == ("dek_one", AGAIN)


@pytest.mark.parametrize("moves", [False, True])
def test_a_replaced_record_moves_the_epoch_if_the_change_says_so(store, moves):
    store.keyrings.add(RING, ONE, None, change())
    before = epoch(store)

    assert store.keyrings.replace(RING, store.keyrings.load(RING, ONE.id), AGAIN, change(moves_epoch=moves))

    assert (epoch(store) != before) == moves


def test_a_destroyed_keyring_is_gone_with_its_counts(store):
    store.keyrings.add(RING, ONE, None, change())
    store.keyrings.add(OTHER, ONE, None, change(OTHER))
    store.keyring_log.used(RING, (event(),), {ONE.id: 5})
    before = epoch(store)

    assert store.keyrings.destroy(RING, event(action=Action.KEYRING_DESTROYED)) == 1

    assert store.keyrings.latest(RING) is None
    assert store.keyrings.load(RING, ONE.id) is None
    assert store.keyring_log.counts(RING) == {}
    assert epoch(store) != before
    assert store.keyrings.destroy(RING, event(action=Action.KEYRING_DESTROYED)) == 0
    assert plain(store.keyrings.latest(OTHER)) == ("dek_one", ONE.record)


def test_all_deks_of_a_keyring_are_listed(store):
    assert list(store.keyrings.deks(RING)) == []
    store.keyrings.add(RING, ONE, None, change())
    store.keyrings.add(RING, TWO, store.keyrings.latest(RING), change())

    assert sorted(map(plain, store.keyrings.deks(RING))) == [("dek_one", ONE.record), ("dek_two", TWO.record)]


def test_each_keyring_of_an_environment_is_on_one_page(store, monkeypatch):
    monkeypatch.setattr("sealring.store.keyrings.PAGE", 3)
    monkeypatch.setattr("sealring.archive.bucket.MAX_KEYS", 3)
    rings = [OwnedKeyring(ENVIRONMENT, Keyring(f"org_{number}/payments")) for number in range(20)]
    foreign = OwnedKeyring(OTHER_ENVIRONMENT, Keyring("org_1/payments"))
    for each in rings:
        store.keyrings.add(each, ONE, None, change(each))
    with suppress(IntegrityFailure):  # a bucket is for one environment
        store.keyrings.add(foreign, ONE, None, change(foreign))

    found, after = [], None
    while True:
        page = store.keyrings.page(ENVIRONMENT, after)
        found += page.keyrings
        if (after := page.after) is None:
            break

    assert sorted(each.ring.ring.name for each in found) == sorted(each.ring.name for each in rings)
    assert {tuple(each.deks) for each in found} == {("dek_one",)}


def test_a_change_elsewhere_moves_the_epoch_if_it_says_so(store):
    before = epoch(store)

    store.keyring_log.changed(RING, change(), moves_epoch=False)
    assert epoch(store) == before
    store.keyring_log.changed(RING, change(), moves_epoch=True)

    assert epoch(store) != before
    assert store.actions() == ["vault.keyring.dek_created"] * 2


@pytest.mark.parametrize("kind", ["valkey", "bucket"])
def test_of_many_who_make_a_keyring_at_once_one_makes_its_dek(request, links, kind):
    store, barrier, made = stores.on_links(links), Barrier(8), []
    if kind == "bucket":
        store = request.getfixturevalue("buckets").store(store, request.getfixturevalue("storage").made())
    keyrings = store.keyrings

    def make(number):
        mine = dek(f"dek_{number}")
        barrier.wait(10)
        if keyrings.add(RING, mine, None, change()):
            made.append(mine.id)

    threads = [Thread(target=make, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)

    assert [keyrings.latest(RING).id] == made
    assert len(keyrings.deks(RING)) == 1


@pytest.mark.parametrize("field", [b"", b"dek_one"], ids=["the head", "the DEK"])
def test_a_keyring_that_was_altered_or_is_another_one_s_is_refused(links, field):
    parts = stores.parts_on(links)
    keyrings = stores.on_links(links).keyrings
    keyrings.add(RING, ONE, None, change())
    keyrings.add(OTHER, ONE, None, change(OTHER))
    key = parts.keyspace.keyring(RING)
    (raw,) = links.call((b"HGET", key, field))
    (foreign,) = links.call((b"HGET", parts.keyspace.keyring(OTHER), field))

    for bad in (raw[:-1] + bytes((raw[-1] ^ 1,)), bytes((raw[0] ^ 1,)) + raw[1:], foreign, b""):
        links.call((b"HSET", key, field, bad))
        with pytest.raises(IntegrityFailure):
            keyrings.latest(RING)
    links.call((b"HSET", key, field, raw))
    assert keyrings.latest(RING).id == ONE.id


def test_a_keyring_without_one_of_its_deks_is_refused(links):
    parts = stores.parts_on(links)
    keyrings = stores.on_links(links).keyrings
    keyrings.add(RING, ONE, None, change())
    keyrings.add(RING, TWO, keyrings.latest(RING), change())
    links.call((b"HDEL", parts.keyspace.keyring(RING), b"dek_one"))

    with pytest.raises(IntegrityFailure):
        keyrings.deks(RING)
    links.call((b"HDEL", parts.keyspace.keyring(RING), b"dek_two"))
    with pytest.raises(IntegrityFailure):
        keyrings.latest(RING)
