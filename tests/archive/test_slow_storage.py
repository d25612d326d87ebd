"""A storage that hangs or is cut off is waited for until a deadline, and the event loop goes on."""

import time
from contextlib import closing
from dataclasses import replace

import pytest

from archive.workers import FOLDER, LATEST, RING, rings_of, soon, worker_on
from faults.proxy import Fault, FaultProxy, Script
from sealring.archive.bucket import Bucket
from sealring.archive.lane import Lane
from sealring.archive.sdk import Client
from sealring.domain.keyrings import Keyring
from sealring.errors import StoreUnavailable
from support import stores
from support.loop import using
from support.make import ACME, caller
from support.s3 import plain_place
from support.waiting import becomes_true


@pytest.fixture
def proxied(buckets, plain_s3, plain_bucket):
    """A store whose bucket is behind a proxy, and the proxy."""
    proxy = FaultProxy(plain_bucket.endpoint)
    made = buckets.store(stores.on_fakeredis(), plain_place(f"http://{proxy.address}"))
    worker_on(made).encrypt(Keyring(ACME), b"value", caller(ACME))
    yield made, proxy
    proxy.close()


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.TRUNCATE, Fault.DROP], ids=lambda each: each.name)
@pytest.mark.parametrize(
    "which",
    [b"PUT /rings/keyring/org_acme/payments/dek_", b"PUT /rings/keyring/org_acme/payments/LATEST"],
    ids=["key", "pointer"],
)
def test_a_lost_answer_to_a_write_ends_with_one_winner(proxied, plain_s3, fault, which):
    store, proxy = proxied
    proxy.plan = Script(which, fault)

    sealed = worker_on(store).encrypt(RING, b"value", caller(ACME))

    assert proxy.made[fault] == 1
    assert set(rings_of(plain_s3)) == {LATEST, FOLDER + sealed.key_id}


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.TRUNCATE, Fault.DROP], ids=lambda each: each.name)
def test_a_read_that_is_cut_off_is_repeated_and_in_the_end_unavailable(proxied, plain_s3, fault):
    store, proxy = proxied
    use = worker_on(store)
    proxy.plan = Script(b"GET /rings/keyring/org_acme/payments", fault)
    sealed = use.encrypt(RING, b"value", caller(ACME))
    assert proxy.made[fault] == 1
    before = rings_of(plain_s3)
    proxy.plan = Script(b"GET /rings/keyring/org_acme/payments", *[fault] * 100)

    with pytest.raises(StoreUnavailable):
        worker_on(store).encrypt(RING, b"value", soon())
    with pytest.raises(StoreUnavailable):
        worker_on(store).decrypt(RING, sealed.encrypted, soon())

    assert rings_of(plain_s3) == before


def test_a_storage_that_hangs_is_waited_for_until_the_deadline_of_the_request(proxied, plain_s3):
    store, proxy = proxied
    proxy.frozen = True
    began = time.monotonic()

    with pytest.raises(StoreUnavailable):
        worker_on(store).encrypt(RING, b"value", replace(caller(ACME), deadline=began + 0.3))

    assert 0.3 <= time.monotonic() - began < 1.5
    proxy.frozen = False
    assert rings_of(plain_s3) == {}


def test_the_event_loop_goes_on_while_the_storage_hangs(proxied, links):
    _, proxy = proxied
    store = stores.on_links(links)
    proxy.frozen = True
    seen = []

    def hanging():
        with pytest.raises(StoreUnavailable):
            worker_on(replace(store, keyrings=proxied[0].keyrings)).encrypt(
                RING, b"value", replace(caller(ACME), deadline=time.monotonic() + 1)
            )
        seen.append("hung")

    def working():
        worker_on(store).encrypt(RING, b"value", caller(ACME))
        seen.append("worked")

    for each in using(links, hanging, working):
        each.get()

    assert seen == ["worked", "hung"]


def test_a_call_that_nobody_waits_for_ends_soon_although_the_storage_hangs(proxied):
    _, proxy = proxied
    proxy.frozen = True
    lane = Lane(places=2)
    with closing(Client(plain_place(f"http://{proxy.address}"))) as client:
        with pytest.raises(StoreUnavailable):
            Bucket(client, lane).get(LATEST, ACME, time.monotonic() + 0.2)

        def is_free():
            try:
                return lane.run(ACME, float("inf"), lambda _until: True)
            except StoreUnavailable:
                return False

        assert becomes_true(is_free, 5)
