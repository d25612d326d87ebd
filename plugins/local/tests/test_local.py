"""What the local provider promises."""

import hmac
import os
import threading
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealring_local import spec
from sealring_local.roots import Roots
from sealring_local.wrap import LocalProvider
from sealring_plugin import (
    DATA,
    KEEP,
    Announces,
    Call,
    CiphertextRejected,
    ConfigInvalid,
    ManagedKeys,
    Purpose,
    RootLost,
    RootName,
    WrapContext,
    WrappedKey,
)

CALL = Call(time.monotonic() + 3, "request-1", "org_acme", Purpose.ENCRYPT)
CONTEXT = WrapContext({"organization_id": "org_acme"}, b"aad")
DEK = bytearray(range(32))
ROOTS = Roots({RootName(DATA, 1): bytes(32), RootName(KEEP, 1): bytes(range(32))})
RECORD = b"sealring-local/v1/kek" + b"\x04data" + b"\0\0\0\1" + b"\0\x05key-1" + b"\0\0\0\1" + b"scope"  # of `key`


@pytest.fixture
def provider():
    return LocalProvider(ROOTS)


@pytest.fixture
def key(provider):
    return provider.create_key("key-1", 1, b"scope", DATA, CALL)


def test_it_has_the_powers_that_it_says(provider):
    assert isinstance(provider, ManagedKeys)
    assert isinstance(provider, Announces)


def test_it_announces_whether_its_root_keys_were_sealed(provider):
    sealed = spec.SPEC.root_file.build({}, ROOTS.encode().encode())

    assert (provider.announcement(), sealed.announcement()) == (
        "keys are in software, under the root key file: good for trying sealring, weaker than an HSM",
        "keys are in software, under root keys that were sealed, and are in the memory of the server",
    )


@pytest.mark.parametrize("size", [16, 32, 64])
def test_a_wrapped_key_is_unwrapped(provider, key, size):
    dek = bytearray(os.urandom(size))

    assert provider.unwrap(provider.wrap(key, dek, CONTEXT, CALL), key, CONTEXT, CALL) == dek


def test_another_process_with_the_same_root_unwraps(provider, key):
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)

    assert LocalProvider(ROOTS).unwrap(wrapped, key, CONTEXT, CALL) == DEK


def test_another_root_is_rejected(provider, key):
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)

    with pytest.raises(CiphertextRejected):
        LocalProvider(Roots.fresh()).unwrap(wrapped, key, CONTEXT, CALL)


def test_another_binding_is_rejected(provider, key):
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, key, WrapContext({"organization_id": "org_acme"}, b"other"), CALL)


def test_another_key_is_rejected(provider, key):
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, provider.create_key("key-1", 1, b"scope", DATA, CALL), CONTEXT, CALL)


@pytest.mark.parametrize(
    "change", [{"key_id": "key-2"}, {"version": 2}, {"scope": b"other"}, {"root": RootName(KEEP, 1)}]
)
def test_key_material_of_another_record_is_rejected(provider, key, change):
    moved = replace(key, **change)

    with pytest.raises(CiphertextRejected):
        provider.wrap(moved, DEK, CONTEXT, CALL)


def test_each_bit_of_a_wrapped_key_counts(provider, key):
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)
    for position in range(8 * len(wrapped.blob)):
        flipped = bytearray(wrapped.blob)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(CiphertextRejected):
            provider.unwrap(WrappedKey(wrapped.alg, bytes(flipped)), key, CONTEXT, CALL)


@pytest.mark.parametrize("size", [0, 1, 12, 27, 59])
def test_a_truncated_wrapped_key_is_rejected(provider, key, size):
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(WrappedKey(wrapped.alg, wrapped.blob[:size]), key, CONTEXT, CALL)


def test_another_algorithm_is_rejected(provider, key):
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(WrappedKey("rsa-oaep", wrapped.blob), key, CONTEXT, CALL)


def test_another_reader_opens_a_wrapped_key_by_what_the_documentation_says(provider, key):
    """docs/envelope-format.md, "The provider `local`"."""
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)

    kek = opened(bytes(32), RECORD, key.material)
    assert opened(kek, b"sealring-local/v1/dek" + b"aad", wrapped.blob) == DEK


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_material_of_another_size_is_rejected_though_it_opens(provider, key, size):
    material = bytes(12) + cipher(bytes(32), RECORD).encrypt(bytes(12), bytes(size), None)

    with pytest.raises(CiphertextRejected):
        provider.wrap(replace(key, material=material), DEK, CONTEXT, CALL)


def opened(key, bound, blob):
    return cipher(key, bound).decrypt(blob[:12], blob[12:], None)


def cipher(key, bound):
    return AESGCM(hmac.digest(key, bound + b"\1", "sha256"))  # HKDF-Expand of one block: RFC 5869 2.3


def test_a_key_is_made_under_the_newest_root_of_its_domain():
    roots = Roots({**ROOTS.keys, RootName(DATA, 2): bytes(31) + b"\2", RootName(DATA, 10): bytes(31) + b"\3"})
    provider = LocalProvider(roots)

    assert provider.create_key("key-1", 1, b"scope", DATA, CALL).root == RootName(DATA, 10)
    assert provider.create_key("key-1", 1, b"scope", KEEP, CALL).root == RootName(KEEP, 1)


def test_a_key_of_an_older_root_opens_beside_those_of_the_newest(provider, key):
    wrapped = provider.wrap(key, DEK, CONTEXT, CALL)

    newer = LocalProvider(Roots({**ROOTS.keys, RootName(DATA, 2): bytes(31) + b"\2"}))

    assert newer.unwrap(wrapped, key, CONTEXT, CALL) == DEK


def test_a_root_that_is_not_there_is_the_operators_to_restore(provider, key):
    with pytest.raises(RootLost, match="no root data/2; restore it from your backup"):
        provider.wrap(replace(key, root=RootName(DATA, 2)), DEK, CONTEXT, CALL)


def test_a_domain_without_roots_is_refused(provider):
    with pytest.raises(ConfigInvalid, match="no root of the domain other"):
        provider.create_key("key-1", 1, b"scope", "other", CALL)


def test_two_wraps_of_one_key_differ(provider, key):
    assert provider.wrap(key, DEK, CONTEXT, CALL) != provider.wrap(key, DEK, CONTEXT, CALL)


def test_key_material_is_not_the_key(provider, key):
    assert len(key.material) == 12 + 32 + 16
    assert "material" not in repr(key)


def test_many_threads_may_call_at_once(provider, key):
    failures = []

    def work():
        for _ in range(200):
            if provider.unwrap(provider.wrap(key, DEK, CONTEXT, CALL), key, CONTEXT, CALL) != DEK:
                failures.append("another key")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_it_may_be_closed_twice(provider):
    provider.close()
    provider.close()
