"""Keyrings: what one encrypts it opens, no other does, and its keys are made, replaced and cached as promised."""

import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from sealring.domain.events import Action, Event
from sealring.domain.keyring_codec import Algorithm, parse_envelope
from sealring.domain.keyring_ports import FOREVER, KeyringChange, StoredDek
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.domain.limits import Limits
from sealring.domain.principal import Permission
from sealring.errors import (
    EnvelopeRejected,
    Forbidden,
    IntegrityFailure,
    InvalidBody,
    KeyDeadlineExceeded,
    QuotaExceeded,
    StoreUnavailable,
    WriteContention,
)
from sealring.services.keyring_rules import KeyringRules
from support import stores
from support.clock import Clock
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, SCOPED, caller, gateway, principal, services

ME = caller(ACME)
RING = Keyring(f"{ACME}/payments")
OWNED = OwnedKeyring(ENVIRONMENT, RING)
COMPATIBLE = KeyringRules(algorithm=Algorithm.AES_256_GCM)


@pytest.fixture(params=["memory", "fakeredis", "bucket"])
def store(request):
    if request.param == "bucket":
        return request.getfixturevalue("buckets").store(stores.on_fakeredis(), request.getfixturevalue("plain_bucket"))
    return stores.memory() if request.param == "memory" else stores.on_fakeredis()


@pytest.fixture
def worker(store):
    """Makes a worker of one server: all have the same store and the same provider."""
    keys = gateway()
    return lambda **options: services(store, provider_gateway=keys, **options).keyrings


@pytest.fixture
def use(worker):
    return worker()


def altered(raw, **changes):
    return replace(parse_envelope(raw)[0], **changes).encode()


@pytest.mark.parametrize("rules", [KeyringRules(), COMPATIBLE], ids=["bound", "compatible"])
@pytest.mark.parametrize("data", [b"", b"\0", "Zoë 🔑".encode(), bytes(100_000)], ids=["empty", "nul", "text", "large"])
def test_what_a_keyring_encrypts_every_worker_decrypts(worker, rules, data):
    sealed = worker(keyring_rules=rules).encrypt(RING, data, ME)

    assert worker(keyring_rules=rules).decrypt(RING, sealed.encrypted, ME) == data


@pytest.mark.parametrize(("rules", "other"), [(KeyringRules(), COMPATIBLE), (COMPATIBLE, KeyringRules())])
def test_both_kinds_of_envelopes_open_whatever_the_settings_say(worker, rules, other):
    sealed = worker(keyring_rules=rules).encrypt(RING, b"value", ME)

    assert worker(keyring_rules=other).decrypt(RING, sealed.encrypted, ME) == b"value"


def test_all_values_of_a_keyring_are_under_one_dek_and_those_of_another_under_another(use):
    ids = {use.encrypt(RING, b"value", ME).key_id for _ in range(10)}
    other = use.encrypt(Keyring(f"{ACME}/other"), b"value", ME)

    assert len(ids) == 1
    assert other.key_id not in ids


@pytest.mark.parametrize("rules", [KeyringRules(), COMPATIBLE], ids=["bound", "compatible"])
def test_no_other_keyring_opens_a_value(store, rules):
    use = services(store, keyring_rules=rules).keyrings
    sealed = use.encrypt(RING, b"value", ME)
    other = Keyring(f"{ACME}/other")
    use.encrypt(other, b"value", ME)

    for ring in (other, Keyring(ACME), Keyring(f"{ACME}/payments/")):
        with pytest.raises(EnvelopeRejected):
            use.decrypt(ring, sealed.encrypted, ME)
        with pytest.raises(EnvelopeRejected):
            use.re_encrypt(ring, sealed.encrypted, None, ME)


@pytest.mark.parametrize("key_id", ["", "LATEST", "dek_unknown", "a/b", "..", "dek_x\0", "x" * 129, "é"])
def test_an_envelope_that_names_no_dek_of_the_keyring_is_refused(use, key_id):
    sealed = use.encrypt(RING, b"value", ME)

    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, altered(sealed.encrypted, key_id=key_id), ME)


@pytest.mark.parametrize("rules", [KeyringRules(), COMPATIBLE], ids=["bound", "compatible"])
def test_an_envelope_with_any_bit_flipped_is_refused_or_opens_to_the_same_value(store, rules):
    """Only the time of a compatible envelope is not authenticated, as other servers wrote it."""
    use = services(store, keyring_rules=rules).keyrings
    raw = use.encrypt(RING, b"value", ME).encrypted
    opened = []

    for bit in range(len(raw) * 8):
        bad = bytearray(raw)
        bad[bit // 8] ^= 1 << bit % 8
        try:
            opened.append(use.decrypt(RING, bytes(bad), ME))
        except EnvelopeRejected:
            continue

    assert set(opened) <= {b"value"}
    if rules is COMPATIBLE:
        assert len(opened) < 70
    else:
        assert opened == []


@pytest.mark.parametrize("raw", [b"", b"\x08", b"garbage", b"\xff" * 20])
def test_garbage_is_refused(use, raw):
    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, raw, ME)


def test_a_bound_envelope_cannot_be_passed_off_as_a_compatible_one(use):
    sealed = use.encrypt(RING, b"value", ME)

    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, altered(sealed.encrypted, algorithm=Algorithm.AES_256_GCM), ME)


@pytest.mark.parametrize(
    ("ring", "who"),
    [
        (RING, caller(BETA)),
        (Keyring("env_without_org/x"), caller(ACME)),
        (Keyring(f"{ACME}x/payments"), caller(ACME)),
        (Keyring(f" {ACME}/payments"), caller(ACME)),
        (Keyring(""), caller(ACME)),
        (RING, caller(ACME, permissions=SCOPED - {Permission.KEYRINGS_USE})),
    ],
)
def test_a_token_without_the_keyring_is_refused_whether_or_not_it_exists(use, ring, who):
    sealed = use.encrypt(ring, b"value", caller())

    for call in (
        lambda ring: use.encrypt(ring, b"value", who),
        lambda ring: use.encrypt_all(ring, {}, who),
        lambda ring: use.decrypt(ring, sealed.encrypted, who),
        lambda ring: use.decrypt_all(ring, {}, who),
        lambda ring: use.decrypt_each(ring, {}, who),
        lambda ring: use.re_encrypt(ring, sealed.encrypted, None, who),
        lambda ring: use.rotate(ring, who),
    ):
        with pytest.raises(Forbidden):
            call(ring)


@pytest.mark.parametrize("name", [ACME, f"{ACME}/", f"{ACME}/a/b", "env_listed"])
def test_a_token_may_use_the_keyrings_of_its_organization_and_those_in_its_claim(use, name):
    who = replace(ME, principal=replace(principal(ACME), keyrings=frozenset({"env_listed"})))

    sealed = use.encrypt(Keyring(name), b"value", who)

    assert use.decrypt(Keyring(name), sealed.encrypted, who) == b"value"


@pytest.mark.parametrize("store", ["memory", "fakeredis"], indirect=True)
def test_two_environments_have_different_keyrings_of_one_name(use):
    sealed = use.encrypt(RING, b"value", ME)
    there = caller(ACME, environment=OTHER_ENVIRONMENT)
    use.encrypt(RING, b"value", there)

    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, sealed.encrypted, there)


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "\x7f", "a\x85", "\ud800", "é" * 257])
def test_a_name_that_no_keyring_can_have_is_refused(name):
    with pytest.raises(InvalidBody):
        Keyring(name)


@pytest.mark.parametrize(
    ("name", "org"),
    [(ACME, ACME), (f"{ACME}/x", ACME), ("", None), ("/x", None), ("ünï/x", None), ("x" * 65, None), ("é" * 256, None)],
)
def test_a_keyring_belongs_to_the_part_before_its_first_slash(name, org):
    assert Keyring(name).organization == org


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


def test_a_new_keyring_is_refused_beyond_the_quota_and_an_old_one_works(store):
    use = services(store, limits_of=lambda _env, _org: Limits(objects=1)).keyrings
    sealed = use.encrypt(RING, b"value", ME)

    with pytest.raises(QuotaExceeded):
        use.encrypt(Keyring(f"{ACME}/other"), b"value", ME)
    with pytest.raises(QuotaExceeded):
        use.rotate(RING, ME)

    assert use.decrypt(RING, sealed.encrypted, ME) == b"value"
    assert use.encrypt(RING, b"value", ME).key_id == sealed.key_id


def test_a_bulk_fails_whole_and_each_item_can_be_had_alone(use):
    good = use.encrypt(RING, b"value", ME).encrypted
    items = {"good": good, "bad": good[:-1], "again": good}

    with pytest.raises(EnvelopeRejected):
        use.decrypt_all(RING, items, ME)
    results = use.decrypt_each(RING, items, ME)

    assert [results["good"], results["again"]] == [b"value", b"value"]
    assert isinstance(results["bad"], EnvelopeRejected)


@pytest.mark.parametrize("call", ["decrypt_all", "decrypt_each"])
def test_a_bulk_opens_no_further_key_after_its_deadline(use, store, call):
    items = {"old": use.encrypt(RING, b"value", ME).encrypted}
    use.rotate(RING, ME)
    items["new"] = use.encrypt(RING, b"value", ME).encrypted
    late = replace(ME, deadline=time.monotonic() - 1)

    with pytest.raises((KeyDeadlineExceeded, StoreUnavailable)):  # a bucket is not even asked for the first one
        getattr(use, call)(RING, items, late)

    assert "vault.keyring.decrypted" not in store.actions()


@pytest.mark.parametrize("store", ["memory", "fakeredis"], indirect=True)
def test_one_value_is_decrypted_after_its_deadline_if_the_answer_is_there(use):
    old = use.encrypt(RING, b"value", ME).encrypted
    use.rotate(RING, ME)

    assert use.decrypt(RING, old, replace(ME, deadline=time.monotonic() - 1)) == b"value"


@pytest.mark.parametrize("known", [True, False])
def test_the_values_of_a_bulk_are_under_a_limited_number_of_keys(use, monkeypatch, known):
    monkeypatch.setattr("sealring.services.keyrings.MAX_DEKS", 3)
    items = {"0": use.encrypt(RING, b"value", ME).encrypted}
    for number in range(1, 4):
        if known:
            use.rotate(RING, ME)
        new = use.encrypt(RING, b"value", ME).encrypted
        items[str(number)] = new if known else altered(new, key_id=f"dek_unknown{number}")

    with pytest.raises(InvalidBody):
        use.decrypt_each(RING, items, ME)

    del items["3"]
    assert len(use.decrypt_each(RING, items, ME)) == 3


def test_an_empty_bulk_makes_no_keyring(use, store):
    assert use.encrypt_all(RING, {}, ME) == {}
    assert use.decrypt_all(RING, {}, ME) == {}

    assert store.keyrings.latest(OWNED) is None
    assert store.actions() == []


def test_every_use_is_in_the_audit_log_before_its_answer(use, store):
    sealed = use.encrypt_all(RING, {"a": b"1", "b": b"2"}, ME)
    use.decrypt(RING, sealed["a"].encrypted, ME)
    use.decrypt_all(RING, {name: each.encrypted for name, each in sealed.items()}, ME)
    use.re_encrypt(RING, sealed["a"].encrypted, None, ME)

    key_id = sealed["a"].key_id
    found = [event for event in store.events() if event.action.value.startswith("vault.keyring.")]
    assert [(event.action.value, event.target, event.detail) for event in found] == [
        ("vault.keyring.dek_created", key_id, "first"),
        ("vault.keyring.encrypted", key_id, "values=2"),
        ("vault.keyring.decrypted", key_id, ""),
        ("vault.keyring.decrypted", key_id, "values=2"),
        ("vault.keyring.reencrypted", key_id, ""),
    ]
    assert {event.name for event in found} == {f"{ACME}/payments"}
    assert {event.org for event in found} == {ACME}


def test_no_answer_leaves_without_its_event(use, store, monkeypatch):
    sealed = use.encrypt(RING, b"value", ME)

    def refuse(*_args):
        raise StoreUnavailable("not now")

    monkeypatch.setattr(type(store.keyring_log), "used", refuse)

    for call in (
        lambda: use.encrypt(RING, b"value", ME),
        lambda: use.decrypt(RING, sealed.encrypted, ME),
        lambda: use.re_encrypt(RING, sealed.encrypted, None, ME),
    ):
        with pytest.raises(StoreUnavailable):
            call()


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


def test_an_unknown_epoch_is_not_current(use, store, monkeypatch):
    sealed = use.encrypt(RING, b"value", ME)
    use.decrypt(RING, sealed.encrypted, ME)
    used = store.keyring_log.used
    monkeypatch.setattr(type(store.keyring_log), "used", lambda _self, *given: replace(used(*given), epoch=None))
    soon_over = replace(ME, deadline=0.0)

    with pytest.raises(WriteContention):
        use.decrypt(RING, sealed.encrypted, soon_over)


def test_a_compatible_envelope_is_as_short_as_those_of_other_servers(worker):
    sealed = worker(keyring_rules=COMPATIBLE).encrypt(RING, b"value", ME)

    assert len(sealed.key_id) == 13
    assert len(sealed.encrypted) == 5 + 54


@pytest.mark.parametrize("algorithm", [1, 7, 99, 101, -1])
def test_an_envelope_of_an_unknown_algorithm_is_refused(worker, algorithm):
    use = worker(keyring_rules=COMPATIBLE)
    sealed = use.encrypt(RING, b"value", ME)

    with pytest.raises(EnvelopeRejected):
        use.decrypt(RING, altered(sealed.encrypted, algorithm=algorithm), ME)
