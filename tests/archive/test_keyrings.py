"""What is special of keyrings in a bucket; the promises of every store are in tests/store/test_keyrings.py."""

import pytest

from sealring.domain.events import Action, Event
from sealring.domain.keyring_codec import WrappedDek
from sealring.domain.keyring_ports import KeyringChange, StoredDek
from sealring.domain.keyrings import DekId, Keyring, OwnedKeyring
from sealring.domain.limits import Limits
from sealring.errors import IntegrityFailure, QuotaExceeded, StoreUnavailable
from support import stores
from support.make import ACME, ENVIRONMENT, OTHER_ENVIRONMENT, caller
from support.s3 import call

RING = OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}/payments"))
BELOW = OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}/payments/eu"))
FOLDER = "keyring/org_acme/payments/"


def dek(key_id, content=b"wrapped"):
    return StoredDek(DekId(key_id), WrappedDek(key_id, 1, content).encode())


ONE, TWO, THREE = (dek(f"dek_{each}") for each in ("one", "two", "three"))


def event(action=Action.KEYRING_DEK_CREATED, ring=RING):
    return Event(action, ring.environment, ring.org, caller(ACME).origin, name=ring.ring.name)


def change(**options):
    return KeyringChange(event(), **options)


def epoch(store):
    return store.bindings.load(ENVIRONMENT, RING.org).epoch


@pytest.fixture
def store(buckets, plain_bucket):
    return buckets.store(stores.on_fakeredis(), plain_bucket)


def test_the_pointer_is_a_copy_of_the_newest_dek_and_both_have_the_names_of_the_old_service(store, plain_s3):
    store.keyrings.add(RING, ONE, None, change())
    store.keyrings.add(RING, TWO, store.keyrings.latest(RING), change())

    assert plain_s3.objects == {
        "keyring/org_acme/payments/dek_one": ONE.record,
        "keyring/org_acme/payments/dek_two": TWO.record,
        "keyring/org_acme/payments/LATEST": TWO.record,
    }


def test_a_keyring_of_another_environment_is_refused(store, plain_s3):
    foreign = OwnedKeyring(OTHER_ENVIRONMENT, RING.ring)
    store.keyrings.add(RING, ONE, None, change())

    for call_ in (
        lambda: store.keyrings.load(foreign, ONE.id),
        lambda: store.keyrings.latest(foreign),
        lambda: store.keyrings.add(foreign, TWO, None, change()),
        lambda: store.keyrings.deks(foreign),
        lambda: store.keyrings.destroy(foreign, event(ring=foreign)),
    ):
        with pytest.raises(IntegrityFailure):
            call_()
    assert store.keyrings.page(OTHER_ENVIRONMENT).keyrings == ()
    assert FOLDER + "dek_one" in plain_s3.objects


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"garbage",
        WrappedDek("", 1, b"").encode(),
        WrappedDek("LATEST", 1, b"").encode(),
        WrappedDek("a/b", 1, b"").encode(),
    ],
)
def test_a_pointer_that_names_no_dek_is_refused(store, plain_s3, record):
    plain_s3.objects[FOLDER + "LATEST"] = record

    with pytest.raises(IntegrityFailure):
        store.keyrings.latest(RING)


def test_a_keyring_without_its_newest_dek_is_refused(store, plain_s3):
    """What would be encrypted under it could be decrypted by nobody."""
    store.keyrings.add(RING, ONE, None, change())
    del plain_s3.objects[FOLDER + "dek_one"]

    with pytest.raises(IntegrityFailure):
        store.keyrings.latest(RING)


@pytest.mark.parametrize(
    "lost", [b"", ONE.record[:-1], TWO.record, b"<html>"], ids=["all", "a byte", "another", "html"]
)
def test_nothing_is_encrypted_under_a_key_of_which_only_the_copy_is_left(store, plain_s3, lost):
    store.keyrings.add(RING, ONE, None, change())
    plain_s3.objects[f"{FOLDER}dek_one"] = lost

    with pytest.raises(IntegrityFailure):
        store.keyrings.latest(RING)


def test_a_rewrapping_that_stopped_half_way_is_completed(store, plain_s3):
    store.keyrings.add(RING, ONE, None, change())
    again, last = dek("dek_one", b"again").record, dek("dek_one", b"last").record
    plain_s3.fault = lambda method, key: (403, "AccessDenied") if (method, key) == ("PUT", f"{FOLDER}LATEST") else None
    with pytest.raises(StoreUnavailable):
        store.keyrings.replace(RING, store.keyrings.load(RING, ONE.id), again, change())
    plain_s3.fault = lambda _method, _key: None
    assert (plain_s3.objects[f"{FOLDER}dek_one"], plain_s3.objects[f"{FOLDER}LATEST"]) == (again, ONE.record)

    assert store.keyrings.replace(RING, store.keyrings.latest(RING), last, change())

    assert (plain_s3.objects[f"{FOLDER}dek_one"], plain_s3.objects[f"{FOLDER}LATEST"]) == (again, last)


def test_a_rewrapping_never_sets_the_pointer_back(store, plain_s3):
    store.keyrings.add(RING, ONE, None, change())
    read = store.keyrings.latest(RING)
    store.keyrings.add(RING, TWO, read, change())

    assert store.keyrings.replace(RING, read, dek("dek_one", b"again").record, change())

    assert plain_s3.objects[f"{FOLDER}LATEST"] == TWO.record
    assert store.keyrings.latest(RING).id == TWO.id


def test_a_rotation_meanwhile_wins_over_a_rewrapping(store, plain_s3):
    """The pointer is rewritten only if it is still what was read: If-Match decides, not what was looked at before."""
    store.keyrings.add(RING, ONE, None, change())
    read = store.keyrings.load(RING, ONE.id)

    def rotated(method, key):
        if (method, key) == ("PUT", f"{FOLDER}LATEST"):
            plain_s3.objects |= {f"{FOLDER}dek_two": TWO.record, f"{FOLDER}LATEST": TWO.record}

    plain_s3.fault = rotated

    assert store.keyrings.replace(RING, read, dek("dek_one", b"again").record, change())

    assert plain_s3.objects[f"{FOLDER}LATEST"] == TWO.record


def test_a_destroyed_keyring_takes_none_below_it_along(store, plain_s3):
    for ring in (RING, BELOW):
        store.keyrings.add(ring, ONE, None, change())

    assert store.keyrings.destroy(RING, event(Action.KEYRING_DESTROYED)) == 1

    assert set(plain_s3.objects) == {"keyring/org_acme/payments/eu/dek_one", "keyring/org_acme/payments/eu/LATEST"}


def test_a_keyring_loses_its_pointer_first_and_then_nobody_encrypts_with_it(store, plain_s3):
    store.keyrings.add(RING, ONE, None, change())
    before = epoch(store)
    plain_s3.fault = lambda method, key: (403, "AccessDenied") if method == "DELETE" and "dek_" in key else None
    with pytest.raises(StoreUnavailable):
        store.keyrings.destroy(RING, event(Action.KEYRING_DESTROYED))

    assert set(plain_s3.objects) == {f"{FOLDER}dek_one"}
    assert epoch(store) != before  # workers drop it from their caches

    plain_s3.fault = lambda _method, _key: None
    assert store.keyrings.destroy(RING, event(Action.KEYRING_DESTROYED)) == 1
    assert plain_s3.objects == {}


def test_a_key_that_a_rotation_adds_meanwhile_is_destroyed_too(store, plain_s3):
    store.keyrings.add(RING, ONE, None, change())

    def rotate_first(method, _key):
        if method == "DELETE":
            plain_s3.fault = lambda _method, _key: None
            assert store.keyrings.add(RING, TWO, store.keyrings.latest(RING), change())

    plain_s3.fault = rotate_first

    assert store.keyrings.destroy(RING, event(Action.KEYRING_DESTROYED)) == 2

    assert plain_s3.objects == {}


def test_a_keyring_that_was_destroyed_already_is_dropped_from_caches_again(store):
    before = epoch(store)

    assert store.keyrings.destroy(RING, event(Action.KEYRING_DESTROYED)) == 0

    assert epoch(store) != before
    assert store.actions() == []


def test_nothing_of_a_destroyed_keyring_stays_in_a_bucket_with_versions(buckets, storage):
    place = storage.made(versions=True)
    store = buckets.store(stores.on_fakeredis(), place)
    store.keyrings.add(RING, ONE, None, change())
    store.keyrings.replace(RING, store.keyrings.load(RING, ONE.id), dek("dek_one", b"again").record, change())
    store.keyrings.add(RING, TWO, store.keyrings.latest(RING), change())
    store.keyrings.add(BELOW, ONE, None, change())
    call(place, "delete_object", Key=f"{FOLDER}dek_two")  # a mark, and the version below it
    assert len(versions(place, FOLDER)) == 9

    assert store.keyrings.destroy(RING, event(Action.KEYRING_DESTROYED)) == 2

    assert {key for key, _ in versions(place, FOLDER)} == {f"{FOLDER}eu/dek_one", f"{FOLDER}eu/LATEST"}


def test_a_key_that_lost_a_race_leaves_no_version(buckets, storage):
    place = storage.made(versions=True)
    store = buckets.store(stores.on_fakeredis(), place)
    store.keyrings.add(RING, ONE, None, change())

    assert not store.keyrings.add(RING, TWO, None, change())

    assert {key for key, _ in versions(place, FOLDER)} == {f"{FOLDER}dek_one", f"{FOLDER}LATEST"}


def versions(place, prefix):
    page = call(place, "list_object_versions", Prefix=prefix)
    return [(each["Key"], each["VersionId"]) for kind in ("Versions", "DeleteMarkers") for each in page.get(kind, ())]


def test_the_keys_of_an_organization_count_against_its_quota_of_objects(store, monkeypatch):
    monkeypatch.setattr("sealring.archive.bucket.MAX_KEYS", 2)
    limits = Limits(objects=3)
    for ring in (RING, BELOW, OwnedKeyring(ENVIRONMENT, Keyring(ACME))):
        store.keyrings.add(ring, ONE, None, change(limits=limits))
    store.keyrings.add(OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}x")), ONE, None, change(limits=limits))

    with pytest.raises(QuotaExceeded):
        store.keyrings.add(RING, TWO, store.keyrings.latest(RING), change(limits=limits))

    store.keyrings.destroy(BELOW, event(Action.KEYRING_DESTROYED, BELOW))
    assert store.keyrings.add(RING, TWO, store.keyrings.latest(RING), change(limits=limits))


def test_pages_split_no_small_keyring_and_list_each_key_once(store, monkeypatch):
    monkeypatch.setattr("sealring.archive.bucket.MAX_KEYS", 4)
    rings = [RING, BELOW, OwnedKeyring(ENVIRONMENT, Keyring(ACME)), OwnedKeyring(ENVIRONMENT, Keyring("zed"))]
    for ring in rings:
        store.keyrings.add(ring, ONE, None, change())
        store.keyrings.add(ring, TWO, store.keyrings.latest(ring), change())
    store.keyrings.add(rings[-1], THREE, store.keyrings.latest(rings[-1]), change())
    found, after = [], None
    while True:
        page = store.keyrings.page(ENVIRONMENT, after)
        found += [(each.ring.ring.name, key_id) for each in page.keyrings for key_id in each.deks]
        if (after := page.after) is None:
            break

    expected = [(ring.ring.name, key_id) for ring in rings for key_id in ("dek_one", "dek_two")]
    assert sorted(found) == sorted([*expected, ("zed", "dek_three")])


@pytest.mark.parametrize("key", ["keyring/stray", "keyring/a/with space", "keyring/a/dek.1", "keyring/a\nb/dek_1"])
def test_an_object_that_is_no_key_is_not_passed_over(store, plain_s3, key):
    plain_s3.objects[key] = b"x"

    with pytest.raises(IntegrityFailure):
        store.keyrings.page(ENVIRONMENT)


def test_folders_that_browsers_of_buckets_make_are_passed_over(store, plain_s3):
    plain_s3.objects |= {"keyring/": b"", "keyring/org_acme/": b""}
    store.keyrings.add(RING, ONE, None, change())

    assert [each.deks for each in store.keyrings.page(ENVIRONMENT).keyrings] == [[ONE.id]]
    assert store.keyrings.destroy(RING, event(Action.KEYRING_DESTROYED)) == 1
