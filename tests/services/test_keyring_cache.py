"""A warm keyring is read once, used up to the stale bound, and read again beside its use."""

import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from sealring.domain.keyring_ports import FOREVER
from sealring.errors import StoreUnavailable
from sealring.services.keyring_rules import KeyringRules
from services.keyring_kit import ME, RING, STORES, store_of, workers_of
from support.clock import Clock


@pytest.fixture(params=STORES)
def store(request):
    return store_of(request)


@pytest.fixture
def worker(store):
    return workers_of(store)


class Counting:
    """A KeyringStore that counts its reads, may be away, and may take its time."""

    def __init__(self, store):
        self._store = store
        self.reads = []
        self.away = False
        self.pretends = False
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def load(self, ring, dek_id, until=FOREVER):
        self._read("load")
        return self._store.load(ring, dek_id, until)

    def latest(self, ring, until=FOREVER):
        self._read("latest")
        found = self._store.latest(ring, until)
        if self.pretends:  # once, that there is another
            self.pretends = False
            return replace(found, id="dek_another")
        return found

    def _read(self, what):
        self.reads.append(what)
        self.entered.set()
        assert self.go_on.wait(10)
        if self.away:
            raise StoreUnavailable("away")


@pytest.fixture
def counting(store):
    store.keyrings = Counting(store.keyrings)
    return store.keyrings


def test_a_warm_keyring_is_read_once(worker, counting):
    use = worker()
    sealed = use.encrypt(RING, b"value", ME)
    for _ in range(5):
        use.encrypt(RING, b"value", ME)
        use.decrypt(RING, sealed.encrypted, ME)

    assert counting.reads == ["latest", "load"]


def test_a_warm_keyring_works_while_its_keys_cannot_be_read_up_to_the_stale_bound(worker, counting):
    clock = Clock()
    use = worker(keyring_rules=KeyringRules(fresh_s=60, stale_s=600), monotonic=clock, refreshing=Failing())
    sealed = use.encrypt(RING, b"value", ME)
    use.decrypt(RING, sealed.encrypted, ME)
    counting.away = True

    clock.now += 599
    assert use.decrypt(RING, sealed.encrypted, ME) == b"value"
    use.encrypt(RING, b"value", ME)
    clock.now += 1
    with pytest.raises(StoreUnavailable):
        use.decrypt(RING, sealed.encrypted, ME)
    with pytest.raises(StoreUnavailable):
        use.encrypt(RING, b"value", ME)


class Failing:
    """Reads again at once, and gives up as the thread does."""

    def soon(self, _key, refresh):
        with suppress(StoreUnavailable):
            refresh()


def test_a_stale_keyring_is_read_again_beside_its_use_and_is_fresh_then(worker, counting):
    clock = Clock()
    use = worker(keyring_rules=KeyringRules(fresh_s=60, stale_s=600), monotonic=clock)
    use.encrypt(RING, b"value", ME)
    counting.reads.clear()

    clock.now += 60
    use.encrypt(RING, b"value", ME)
    use.encrypt(RING, b"value", ME)

    assert counting.reads == ["latest"]


def test_a_newest_dek_that_another_server_made_is_used_after_the_fresh_time(worker, counting):
    """Such a server shares the bucket, and knows nothing of our epochs."""
    clock = Clock()
    use = worker(keyring_rules=KeyringRules(fresh_s=60, stale_s=600), monotonic=clock)
    mine = use.encrypt(RING, b"value", ME).key_id

    clock.now += 59
    assert use.encrypt(RING, b"value", ME).key_id == mine
    reads = list(counting.reads)
    clock.now += 1
    counting.pretends = True
    use.encrypt(RING, b"value", ME)  # finds out, beside its use
    use.encrypt(RING, b"value", ME)

    assert counting.reads == [*reads, "latest", "latest"]


def test_many_who_need_a_keyring_at_once_make_one_read_of_it(worker, counting):
    use = worker()
    counting.go_on.clear()
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(use.encrypt(RING, b"v", ME).key_id)) for _ in range(8)]
    for each in threads:
        each.start()
    assert counting.entered.wait(10)
    counting.go_on.set()
    for each in threads:
        each.join(10)

    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert counting.reads.count("latest") <= 2
