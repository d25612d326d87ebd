"""The keys of a store: one for each purpose, so that nothing digested for one passes for another."""

import pytest

from sealring.crypto.store_keys import StoreKeys, new_store_key

KEYS = StoreKeys(bytes(range(32)))


@pytest.mark.parametrize(
    ("purpose", "digest"),
    [
        ("record", "4d8285e04524355a47e809c1ac2ca96c"),
        ("cursor", "e7002855202203cff9365b44ef5e11f3"),
        ("etag", "4f2bd1d30856eb2765ba9c8a70c91429"),
        ("fingerprint", "9de5089cee7a340d2c7e83b7b7b0b348"),
    ],
)
def test_each_purpose_has_a_digest_of_its_own(purpose, digest):
    assert getattr(KEYS, purpose)(b"message").hex() == digest


def test_a_locator_is_of_its_label_too():
    assert KEYS.locator(b"label", b"message").hex() == "6bfd199030c58701548f8c5b79ed3a59"
    assert KEYS.locator(b"lobel", b"message").hex() != "6bfd199030c58701548f8c5b79ed3a59"


def test_no_two_purposes_digest_alike():
    digests = [KEYS.locator(b"", b"message")]
    digests += [each(b"message") for each in (KEYS.record, KEYS.audit, KEYS.cursor, KEYS.etag, KEYS.fingerprint)]

    assert len(set(digests)) == 6


def test_another_store_key_makes_other_digests():
    assert StoreKeys(bytes(32)).record(b"message") != KEYS.record(b"message")


def test_two_new_store_keys_differ():
    one, other = new_store_key(), new_store_key()

    assert len(one) == 32
    assert one != other


def test_store_keys_do_not_show_themselves():
    assert repr(KEYS) == "StoreKeys(…)"
