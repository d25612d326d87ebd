"""The bytes around Google's ciphertext are these, and none of them can be changed unnoticed."""

from dataclasses import replace

import pytest

from sealring_gcpkms import blob
from sealring_plugin import CiphertextRejected, CustomersKey, WrapContext, WrappedKey

KEY = CustomersKey("gcpkms", "projects/p/locations/l/keyRings/r/cryptoKeys/k", 1)
DEK = bytes(range(32))


def aad(pairs, wrap_aad=b"aad", version=1):
    return blob.authenticated(replace(KEY, version=version), WrapContext(pairs, wrap_aad))


def test_the_authenticated_bytes_have_an_order_and_lengths():
    assert aad({"z": "", "a": "é", "organization_id": "org_acme"}) == (
        b"sealring-gcpkms/v1/aad"
        b"\0\0\0\x01"
        b"\0\0\0\x03"
        b"\0\0\0\x01a\0\0\0\x02\xc3\xa9"
        b"\0\0\0\x0forganization_id\0\0\0\x08org_acme"
        b"\0\0\0\x01z\0\0\0\0"
        b"\0\0\0\x03aad"
    )


def test_no_two_bindings_have_the_same_bytes():
    told = [
        aad({}),
        aad({"a": "b"}),
        aad({"a": "b"}, version=2),
        aad({"ab": ""}),
        aad({"": "ab"}),
        aad({"a": "", "b": ""}),
        aad({"a": "b"}, b""),
        aad({"a": "b\0\0\0\x03aad"}, b""),
        aad({"a": "b"}, b"aad2"),
    ]

    assert len(set(told)) == len(told)


def test_a_wrapped_key_names_the_version_that_made_it():
    assert blob.seal(7, DEK, b"ciphertext of Google's") == WrappedKey(
        "gcpkms-v1-7", bytes.fromhex("a44c6d1f34cee2be4c65d768a6befdaf") + b"ciphertext of Google's"
    )


def test_the_largest_version_fits_into_a_name_of_32():
    assert len(blob.seal(9_999_999_999, DEK, b"ciphertext").alg) <= 32


@pytest.mark.parametrize("alg", ["gcpkms-v1-8", "gcpkms-v1-70", "gcpkms-v1-1"])
def test_another_version_in_its_place_is_noticed(alg):
    wrapped = replace(blob.seal(7, DEK, b"ciphertext"), alg=alg)

    with pytest.raises(CiphertextRejected):
        blob.check(wrapped, bytearray(DEK))


def test_another_dek_than_was_wrapped_is_noticed():
    wrapped = blob.seal(7, DEK, b"ciphertext")

    blob.check(wrapped, bytearray(DEK))
    with pytest.raises(CiphertextRejected):
        blob.check(wrapped, bytearray(DEK[::-1]))


def test_each_bit_of_the_tag_counts():
    wrapped = blob.seal(7, DEK, b"ciphertext")

    for bit in range(8 * 16):
        flipped = bytearray(wrapped.blob)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CiphertextRejected):
            blob.check(replace(wrapped, blob=bytes(flipped)), bytearray(DEK))


@pytest.mark.parametrize(
    "alg", ["", "gcpkms-v1-", "gcpkms-v1-0", "gcpkms-v1-07", "gcpkms-v2-7", "gcpkms-v1-7\n", "hsm"]
)
def test_another_algorithm_is_rejected(alg):
    with pytest.raises(CiphertextRejected):
        blob.ciphertext_of(WrappedKey(alg, bytes(100)))


@pytest.mark.parametrize("size", [0, 1, 16])
def test_a_blob_without_a_ciphertext_is_rejected(size):
    with pytest.raises(CiphertextRejected):
        blob.ciphertext_of(WrappedKey("gcpkms-v1-7", bytes(size)))
