"""A bucket is proved before a key is made in it: it keeps conditions, and takes no two names for one."""

import unicodedata
from urllib.parse import unquote

import pytest

from sealring.archive.probe import FOLDER, Proof
from sealring.domain.keyrings import Keyring
from sealring.errors import InvalidBody, SettingsInvalid, StoreUnavailable
from support import stores
from support.make import ACME, caller, services
from support.plain_s3 import PlainS3
from support.plain_s3 import serving as plain_serving
from support.s3 import objects, plain_place

ME = caller(ACME)


@pytest.fixture
def proof(buckets):
    """The proof of a bucket."""
    return lambda place: Proof(buckets.opened(place))


def paths(key):
    """Keys as a file system takes them."""
    kept = []
    for part in key.split("/"):
        if part == ".." and kept:
            kept.pop()
        elif part not in {"", ".", ".."}:
            kept.append(part)
    return "/".join(kept)


def test_a_storage_that_takes_every_key_as_it_is_is_proved_and_nothing_stays(proof, plain_s3, plain_bucket):
    assert proof(plain_bucket).is_literal()

    assert plain_s3.objects == {}
    assert all(key.startswith(FOLDER) for _, key in plain_s3.requests if key)  # a list is asked of no key


def test_versitygw_is_proved_and_takes_keys_for_paths(proof, storage):
    place = storage.made()

    assert not proof(place).is_literal()
    assert objects(place) == {}


def test_a_bucket_is_proved_once(proof, plain_s3, plain_bucket):
    one = proof(plain_bucket)
    one.is_literal()
    asked = len(plain_s3.requests)

    one.is_literal()

    assert len(plain_s3.requests) == asked


@pytest.mark.parametrize(
    ("bad", "wrong"),
    [
        (PlainS3(ignores_conditions=True), "ignores If-None-Match or If-Match"),
        (PlainS3(ignores="if-match"), "ignores If-None-Match or If-Match"),
        (PlainS3(ignores="if-none-match"), "ignores If-None-Match or If-Match"),
        (PlainS3(same=str.lower), "differ in case or accents"),
        (PlainS3(same=lambda key: unicodedata.normalize("NFD", key)), "differ in case or accents"),
        (PlainS3(listed=lambda key: key.replace("+", " ")), "other names"),
        (PlainS3(listed=unquote), "other names"),
        (PlainS3(listed=lambda key: unicodedata.normalize("NFD", key)), "other names"),
    ],
    ids=["conditions", "If-Match", "If-None-Match", "case", "accents", "plus", "percent", "listed accents"],
)
def test_a_storage_that_cannot_hold_keyrings_is_refused(proof, bad, wrong):
    with plain_serving(bad) as url, pytest.raises(SettingsInvalid, match=wrong):
        proof(plain_place(url)).is_literal()


def test_a_storage_that_was_away_at_the_start_is_proved_before_the_first_key(buckets, plain_s3, plain_bucket):
    store = buckets.store(stores.on_fakeredis(), plain_bucket)
    use = services(store).keyrings
    plain_s3.ignores_conditions = True

    with pytest.raises(StoreUnavailable):
        use.encrypt(Keyring(ACME), b"value", ME)

    assert not any(key.startswith("keyring/") for key in plain_s3.objects)
    plain_s3.ignores_conditions = False
    use.encrypt(Keyring(ACME), b"value", ME)


@pytest.mark.parametrize("name", [f"{ACME}/../org_beta", f"{ACME}//x", f"{ACME}/./x", f"{ACME}/"])
def test_where_keys_are_paths_no_keyring_reaches_another_by_its_name(buckets, name):
    s3 = PlainS3(same=paths)
    with plain_serving(s3) as url:
        store = buckets.store(stores.on_fakeredis(), plain_place(url))
        use = services(store).keyrings
        theirs = use.encrypt(Keyring("org_beta"), b"theirs", caller())
        before = {**s3.objects}

        for call in (
            lambda: use.encrypt(Keyring(name), b"value", ME),
            lambda: use.decrypt(Keyring(name), theirs.encrypted, ME),
            lambda: use.rotate(Keyring(name), ME),
        ):
            with pytest.raises(InvalidBody):
                call()
        assert s3.objects == before
        buckets.close()


@pytest.mark.parametrize("name", [f"{ACME}/../org_beta", f"{ACME}//x", f"{ACME}/./x", f"{ACME}/"])
def test_where_they_are_not_every_name_of_the_old_service_works(buckets, plain_s3, plain_bucket, name):
    use = services(buckets.store(stores.on_fakeredis(), plain_bucket)).keyrings

    sealed = use.encrypt(Keyring(name), b"value", ME)

    assert f"keyring/{name}/{sealed.key_id}" in plain_s3.objects
    assert use.decrypt(Keyring(name), sealed.encrypted, ME) == b"value"
