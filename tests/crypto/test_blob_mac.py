"""The MAC behind a blob: of all that stands before it, under the key whose number it names."""

import pytest

from sealring.crypto.blob_mac import genuine, signed
from sealring.crypto.store_keys import StoreKeys
from sealring.errors import IntegrityFailure

KEYS = StoreKeys(bytes(range(32)))
BLOB = signed(KEYS, b"a blob")


def test_a_blob_that_we_made_is_genuine():
    assert len(BLOB) == len(b"a blob") + 2 + 32
    assert genuine(KEYS, BLOB) == b"a blob"


def test_each_bit_counts():
    for bit in range(8 * len(BLOB)):
        flipped = bytearray(BLOB)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityFailure):
            genuine(KEYS, bytes(flipped))


@pytest.mark.parametrize("size", range(34))
def test_a_blob_that_is_too_short_for_a_mac_is_none(size):
    with pytest.raises(IntegrityFailure):
        genuine(KEYS, BLOB[-34:][:size])


def test_a_blob_of_another_store_is_none():
    with pytest.raises(IntegrityFailure):
        genuine(StoreKeys(bytes(32)), BLOB)
