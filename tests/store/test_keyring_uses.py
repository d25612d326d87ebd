"""Uses and DEKs of stored keyrings are counted once, and destroyed with them."""

import pytest

from sealring.domain.events import Action
from sealring.domain.limits import Limits, Use
from sealring.errors import QuotaExceeded
from store.conftest import LINKS, store_of
from store.keyring_kit import ONE, RING, THREE, TWO, change, epoch, event
from support import stores
from support.make import ACME, ENVIRONMENT


@pytest.fixture(params=["memory", "fakeredis", *LINKS, "bucket"])
def store(request):
    """An empty store of each kind; `bucket` has its keyrings in S3-compatible storage."""
    if request.param != "bucket":
        return store_of(request)
    return request.getfixturevalue("buckets").store(stores.on_fakeredis(), request.getfixturevalue("storage").made())


@pytest.fixture(params=["memory", "fakeredis", *LINKS])
def counting(request):
    """Those that count DEKs among the objects of organizations."""
    return store_of(request)


def test_a_dek_that_was_stored_already_is_counted_and_reported_once(counting):
    counting.keyrings.add(RING, ONE, None, change())

    counting.keyrings.add(RING, ONE, None, change())

    assert counting.actions() == ["vault.keyring.dek_created"]
    assert counting.usage.load(ENVIRONMENT, ACME) == Use(objects=1)


def test_a_dek_counts_as_an_object_until_its_keyring_is_destroyed(counting):
    store = counting
    limits = Limits(objects=2)
    store.keyrings.add(RING, ONE, None, change(limits=limits))
    store.keyrings.add(RING, TWO, store.keyrings.latest(RING), change(limits=limits))
    assert store.usage.load(ENVIRONMENT, ACME) == Use(objects=2)

    with pytest.raises(QuotaExceeded):
        store.keyrings.add(RING, THREE, store.keyrings.latest(RING), change(limits=limits))

    assert store.keyrings.destroy(RING, event(action=Action.KEYRING_DESTROYED)) == 2
    assert store.usage.load(ENVIRONMENT, ACME) == Use()


def test_uses_are_counted_by_dek_and_return_the_epoch(store):
    store.keyring_log.used(RING, (event(),), {ONE.id: 2})

    used = store.keyring_log.used(RING, (event(), event()), {ONE.id: 3, TWO.id: 1})

    assert dict(used.counts) == {"dek_one": 5, "dek_two": 1}
    assert used.epoch is None
    expected = epoch(store)
    assert store.keyring_log.used(RING, (), {}).epoch == expected
    assert dict(store.keyring_log.counts(RING)) == {"dek_one": 5, "dek_two": 1}
    assert len(store.actions()) == 3


def test_a_use_of_a_dek_that_is_gone_is_told_and_not_counted(store):
    now = epoch(store)
    store.keyrings.add(RING, ONE, None, change())

    used = store.keyring_log.used(RING, (event(),), {ONE.id: 1, TWO.id: 2}, (ONE.id, TWO.id))

    seen = {ONE.id: 1} if store.keyrings.beside_log else {}  # in a bucket, the log sees none of them
    assert used.counts == store.keyring_log.counts(RING) == seen
    assert set(used.lost) == {ONE.id, TWO.id} - set(seen)
    assert used.epoch == now


def test_destroying_a_keyring_again_deletes_counts_that_came_back(store):
    store.keyring_log.used(RING, (event(),), {ONE.id: 5})

    assert store.keyrings.destroy(RING, event(action=Action.KEYRING_DESTROYED)) == 0

    assert store.keyring_log.counts(RING) == {}


def test_of_a_keyring_that_was_destroyed_elsewhere_no_count_stays_and_no_cache(store):
    store.keyring_log.used(RING, (), {ONE.id: 5})
    before = epoch(store)

    store.keyring_log.forget(RING)

    assert dict(store.keyring_log.counts(RING)) == {}
    assert epoch(store) != before


def test_a_keyring_gets_no_more_deks_on_demand_than_one_record_may_hold(counting):
    store = counting
    store.keyrings.add(RING, ONE, None, change(most_deks=2))
    store.keyrings.add(RING, TWO, store.keyrings.latest(RING), change(most_deks=2))

    with pytest.raises(QuotaExceeded):
        store.keyrings.add(RING, THREE, store.keyrings.latest(RING), change(most_deks=2))

    assert store.keyrings.latest(RING).id == TWO.id
    assert store.keyrings.add(RING, THREE, store.keyrings.latest(RING), change())
