"""What a bucket lists is each object by its own name, in order, or it is refused; or else a keyring would be passed over."""

import pytest

from archive.test_keyrings import ONE, RING, change, event
from sealring.domain.events import Action
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.errors import IntegrityFailure, InvalidBody
from support import stores
from support.make import ACME, ENVIRONMENT
from support.s3 import objects, put


@pytest.mark.parametrize("bad", ["\ufffd", "\ufffe", "\uffff"])
def test_a_keyring_whose_name_no_list_has_gets_no_key(buckets, storage, bad):
    place = storage.made()
    store = buckets.store(stores.on_fakeredis(), place)

    with pytest.raises(InvalidBody, match=r"U\+FFFE"):
        store.keyrings.add(OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}/{bad}")), ONE, None, change())

    assert objects(place) == {}


def test_a_keyring_whose_name_no_list_has_is_told_and_stops_no_other(buckets, storage):
    place = storage.made()
    store = buckets.store(stores.on_fakeredis(), place)
    put(place, "keyring/org_beta/\ufffe/dek_one", ONE.record)  # as another server of vault.v1 does
    store.keyrings.add(RING, ONE, None, change())

    page = store.keyrings.page(ENVIRONMENT)

    assert [each.ring for each in page.keyrings] == [RING]
    assert page.altered == ["org_beta/\ufffd"]


def test_nothing_is_destroyed_instead_of_a_keyring_that_is_listed_by_another_name(buckets, plain_s3, plain_bucket):
    store = buckets.store(stores.on_fakeredis(), plain_bucket)
    lost = OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}/+"))
    for ring in (lost, OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}/ "))):
        store.keyrings.add(ring, ONE, None, change())
    before = {**plain_s3.objects}
    plain_s3.listed = lambda key: key.replace("+", " ")

    with pytest.raises(IntegrityFailure):
        store.keyrings.destroy(lost, event(Action.KEYRING_DESTROYED, lost))

    assert plain_s3.objects == before


def test_a_storage_that_lists_in_no_order_is_not_paged_through(buckets, plain_s3, plain_bucket, monkeypatch):
    monkeypatch.setattr("sealring.archive.bucket.MAX_KEYS", 4)
    store = buckets.store(stores.on_fakeredis(), plain_bucket)
    for name in ("a", "b", "c"):
        store.keyrings.add(OwnedKeyring(ENVIRONMENT, Keyring(name)), ONE, None, change())
    plain_s3.listed = lambda key: key.translate(str.maketrans("abc", "cba"))

    with pytest.raises(IntegrityFailure):
        store.keyrings.page(ENVIRONMENT)
