"""The DEKs of a keyring: replaced, destroyed and re-encrypted as promised, and refused if the store gives another."""

from dataclasses import replace

import pytest

from sealring.domain.events import Action, Event
from sealring.domain.keyring_ports import KeyringChange, StoredDek
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.errors import EnvelopeRejected, IntegrityFailure, QuotaExceeded, WriteContention
from sealring.services.keyring_rules import KeyringRules
from services.keyring_kit import ME, OWNED, RING, STORES, store_of, workers_of
from support import stores
from support.clock import Clock
from support.make import ACME, ENVIRONMENT, gateway, services


@pytest.fixture(params=STORES)
def store(request):
    return store_of(request)


@pytest.fixture
def worker(store):
    return workers_of(store)


@pytest.fixture
def use(worker):
    return worker()


def test_a_rotated_keyring_encrypts_under_its_new_dek_and_opens_what_the_old_one_sealed(use):
    old = use.encrypt(RING, b"old", ME)

    made = use.rotate(RING, ME)
    new = use.encrypt(RING, b"new", ME)

    assert made.id == new.key_id != old.key_id
    assert use.decrypt_all(RING, {"old": old.encrypted, "new": new.encrypted}, ME) == {"old": b"old", "new": b"new"}


def test_a_rotation_holds_for_every_worker_at_once(worker):
    here, there = worker(), worker()
    old = there.encrypt(RING, b"value", ME).key_id

    made = here.rotate(RING, ME)

    assert there.encrypt(RING, b"value", ME).key_id == made.id != old


def test_a_destroyed_keyring_opens_nothing_on_any_worker(worker, store):
    here, there = worker(), worker()
    sealed = here.encrypt(RING, b"value", ME)
    there.decrypt(RING, sealed.encrypted, ME)

    store.keyrings.destroy(OWNED, Event(Action.KEYRING_DESTROYED, ENVIRONMENT, ACME, ME.origin))

    for each in (here, there):
        with pytest.raises(EnvelopeRejected):
            each.decrypt(RING, sealed.encrypted, ME)


@pytest.mark.parametrize("call", ["encrypt", "encrypt_all", "re_encrypt"])
def test_nothing_is_encrypted_under_a_key_that_the_store_has_lost(call):
    """As by the failover of a store that confirms nothing."""
    parts = stores.parts_on(stores.fake_links())
    parts.markers.begin()
    store = stores.on_parts(parts)
    keys = gateway()
    here, there = (services(store, provider_gateway=keys).keyrings for _ in range(2))
    lost = here.encrypt(RING, b"value", ME)
    here.decrypt(RING, lost.encrypted, ME)
    calls = {
        "encrypt": lambda: here.encrypt(RING, b"value", ME),
        "encrypt_all": lambda: here.encrypt_all(RING, {"a": b"value"}, ME)["a"],
        "re_encrypt": lambda: here.re_encrypt(RING, lost.encrypted, None, ME),
    }
    parts.links.call((b"DEL", parts.keyspace.keyring(OWNED)))

    sealed = calls[call]()

    assert sealed.key_id != lost.key_id
    assert there.decrypt(RING, sealed.encrypted, ME) == b"value"
    assert store.keyring_log.counts(OWNED)[sealed.key_id] == 1


def test_re_encryption_moves_a_value_to_the_newest_dek(use):
    old = use.encrypt(RING, b"value", ME)
    made = use.rotate(RING, ME)

    moved = use.re_encrypt(RING, old.encrypted, old.key_id, ME)

    assert moved.key_id == made.id
    assert use.decrypt(RING, moved.encrypted, ME) == b"value"


def test_a_dek_is_replaced_before_it_encrypts_more_than_it_may(store, monkeypatch):
    monkeypatch.setattr("sealring.services.newest_deks.MAX_ENCRYPTIONS", 10)
    use = services(store).keyrings

    ids = [use.encrypt(RING, b"value", ME).key_id for _ in range(25)]
    bulk = use.encrypt_all(RING, {str(number): b"value" for number in range(8)}, ME)

    assert [ids.count(each) for each in dict.fromkeys(ids)] == [10, 10, 5]
    assert {each.key_id for each in bulk.values()}.isdisjoint(ids)
    details = [event.detail for event in store.events() if event.action == "vault.keyring.dek_created"]
    assert details == ["first", "count", "count", "count"]


def test_another_worker_knows_how_often_a_dek_was_used(worker, monkeypatch):
    monkeypatch.setattr("sealring.services.newest_deks.MAX_ENCRYPTIONS", 10)
    ids = [worker().encrypt(RING, b"value", ME).key_id for _ in range(11)]

    assert len(set(ids[:10])) == 1
    assert ids[10] != ids[0]


def test_a_dek_is_replaced_by_age(worker):
    clock = Clock(1_000_000.0)
    use = worker(keyring_rules=KeyringRules(rotate_after_s=100), clock=clock)
    first = use.encrypt(RING, b"value", ME).key_id
    clock.now += 99
    assert use.encrypt(RING, b"value", ME).key_id == first

    clock.now += 1

    assert use.encrypt(RING, b"value", ME).key_id != first


def test_a_corrupt_dek_is_refused_and_the_reason_is_in_the_audit_log(worker, store):
    use = worker()
    sealed = use.encrypt(RING, b"value", ME)
    read = store.keyrings.load(OWNED, sealed.key_id)
    damaged = read.record[:60] + bytes((read.record[60] ^ 1,)) + read.record[61:]
    store.keyrings.replace(OWNED, read, damaged, KeyringChange(store.events()[0]))

    with pytest.raises(IntegrityFailure):
        worker().decrypt(RING, sealed.encrypted, ME)

    assert store.events()[-1].action == "vault.keyring.refused"
    assert store.events()[-1].refused


def test_the_dek_of_another_keyring_under_this_name_is_refused(worker, store):
    """As whoever can write to a bucket might copy it."""
    use, other = worker(), OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}/other"))
    sealed = use.encrypt(RING, b"value", ME)
    read = store.keyrings.load(OWNED, sealed.key_id)
    store.keyrings.add(other, StoredDek(read.id, read.record), None, KeyringChange(store.events()[0]))

    for call in (
        lambda: worker().decrypt(other.ring, sealed.encrypted, ME),
        lambda: worker().encrypt(other.ring, b"value", ME),
    ):
        with pytest.raises(IntegrityFailure):
            call()


def test_an_unknown_epoch_is_not_current(use, store, monkeypatch):
    sealed = use.encrypt(RING, b"value", ME)
    use.decrypt(RING, sealed.encrypted, ME)
    used = store.keyring_log.used
    monkeypatch.setattr(type(store.keyring_log), "used", lambda _self, *given: replace(used(*given), epoch=None))
    soon_over = replace(ME, deadline=0.0)

    with pytest.raises(WriteContention):
        use.decrypt(RING, sealed.encrypted, soon_over)


def test_a_keyring_is_rotated_on_demand_only_so_often_and_for_its_limits_always(monkeypatch):
    monkeypatch.setattr("sealring.services.newest_deks.MAX_ENCRYPTIONS", 10)
    monkeypatch.setattr("sealring.services.newest_deks.MAX_DEKS", 3)
    use = services(stores.on_fakeredis()).keyrings
    for _ in range(3):
        newest = use.rotate(RING, ME).id

    with pytest.raises(QuotaExceeded, match="gets no more on demand"):
        use.rotate(RING, ME)

    ids = [use.encrypt(RING, b"value", ME).key_id for _ in range(11)]
    assert ids[:10] == [newest] * 10
    assert ids[10] != newest
