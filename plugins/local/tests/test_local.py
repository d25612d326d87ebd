"""What the local provider promises."""

import os
import threading
import time
from dataclasses import replace

import pytest

from sealring_local import spec
from sealring_local.root import create_root, read_root
from sealring_local.wrap import LocalProvider
from sealring_plugin import (
    Announces,
    Call,
    CiphertextRejected,
    ConfigInvalid,
    CreatesKeys,
    Provider,
    Purpose,
    WrapBinding,
    WrappedKey,
)

CALL = Call(time.monotonic() + 3, "request-1", "org_acme", Purpose.ENCRYPT)
BINDING = WrapBinding({"organization_id": "org_acme"}, b"aad")
DEK = bytearray(range(32))


@pytest.fixture
def provider():
    return LocalProvider(bytes(32))


@pytest.fixture
def key(provider):
    return provider.create_key("key-1", 1, b"scope", CALL)


def test_it_has_the_powers_that_it_says(provider):
    assert isinstance(provider, Provider)
    assert isinstance(provider, CreatesKeys)
    assert isinstance(provider, Announces)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_a_wrapped_key_is_unwrapped(provider, key, size):
    dek = bytearray(os.urandom(size))

    assert provider.unwrap(provider.wrap(key, dek, BINDING, CALL), key, BINDING, CALL) == dek


def test_another_process_with_the_same_root_unwraps(provider, key):
    wrapped = provider.wrap(key, DEK, BINDING, CALL)

    assert LocalProvider(bytes(32)).unwrap(wrapped, key, BINDING, CALL) == DEK


def test_another_root_is_rejected(provider, key):
    wrapped = provider.wrap(key, DEK, BINDING, CALL)

    with pytest.raises(CiphertextRejected):
        LocalProvider(bytes(31) + b"\1").unwrap(wrapped, key, BINDING, CALL)


def test_another_binding_is_rejected(provider, key):
    wrapped = provider.wrap(key, DEK, BINDING, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, key, WrapBinding({"organization_id": "org_acme"}, b"other"), CALL)


def test_another_key_is_rejected(provider, key):
    wrapped = provider.wrap(key, DEK, BINDING, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, provider.create_key("key-1", 1, b"scope", CALL), BINDING, CALL)


@pytest.mark.parametrize("change", [{"key_id": "key-2"}, {"version": 2}, {"scope": b"other"}])
def test_key_material_of_another_record_is_rejected(provider, key, change):
    moved = replace(key, **change)

    with pytest.raises(CiphertextRejected):
        provider.wrap(moved, DEK, BINDING, CALL)


def test_each_bit_of_a_wrapped_key_counts(provider, key):
    wrapped = provider.wrap(key, DEK, BINDING, CALL)
    for position in range(8 * len(wrapped.blob)):
        flipped = bytearray(wrapped.blob)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(CiphertextRejected):
            provider.unwrap(WrappedKey(wrapped.alg, bytes(flipped)), key, BINDING, CALL)


@pytest.mark.parametrize("size", [0, 1, 12, 27, 59])
def test_a_truncated_wrapped_key_is_rejected(provider, key, size):
    wrapped = provider.wrap(key, DEK, BINDING, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(WrappedKey(wrapped.alg, wrapped.blob[:size]), key, BINDING, CALL)


def test_another_algorithm_is_rejected(provider, key):
    wrapped = provider.wrap(key, DEK, BINDING, CALL)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(WrappedKey("rsa-oaep", wrapped.blob), key, BINDING, CALL)


def test_two_wraps_of_one_key_differ(provider, key):
    assert provider.wrap(key, DEK, BINDING, CALL) != provider.wrap(key, DEK, BINDING, CALL)


def test_key_material_is_not_the_key(provider, key):
    assert len(key.material) == 12 + 32 + 16
    assert "material" not in repr(key)


def test_many_threads_may_call_at_once(provider, key):
    failures = []

    def work():
        for _ in range(200):
            if provider.unwrap(provider.wrap(key, DEK, BINDING, CALL), key, BINDING, CALL) != DEK:
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


# --- the root key


def test_a_root_is_made_for_its_owner_only(tmp_path):
    create_root(tmp_path / "root.key")

    assert (tmp_path / "root.key").stat().st_mode & 0o777 == 0o600
    assert len(read_root(tmp_path / "root.key")) == 32


def test_a_root_is_never_replaced(tmp_path):
    create_root(tmp_path / "root.key")
    before = read_root(tmp_path / "root.key")

    with pytest.raises(ConfigInvalid):
        create_root(tmp_path / "root.key")

    assert read_root(tmp_path / "root.key") == before


def test_a_missing_root_is_not_made(tmp_path):
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        spec.build({"root_key_file": tmp_path / "root.key"})

    assert not (tmp_path / "root.key").exists()


def test_a_root_that_others_can_read_is_refused(tmp_path):
    create_root(tmp_path / "root.key")
    (tmp_path / "root.key").chmod(0o640)

    with pytest.raises(ConfigInvalid, match="chmod 600"):
        read_root(tmp_path / "root.key")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_root_of_another_size_is_refused(tmp_path, size):
    (tmp_path / "root.key").write_bytes(bytes(size))
    (tmp_path / "root.key").chmod(0o600)

    with pytest.raises(ConfigInvalid):
        read_root(tmp_path / "root.key")


def test_initialising_again_keeps_the_root(tmp_path):
    config = spec.SPEC.parse_config({"root_key_file": "root.key"}, tmp_path)
    spec.SPEC.initialise(config)
    before = read_root(tmp_path / "root.key")

    assert "kept" in spec.SPEC.initialise(config)
    assert read_root(tmp_path / "root.key") == before


def test_initialising_keeps_no_root_that_cannot_be_used(tmp_path):
    config = spec.SPEC.parse_config({"root_key_file": "root.key"}, tmp_path)
    (tmp_path / "root.key").write_bytes(bytes(31))
    (tmp_path / "root.key").chmod(0o600)

    with pytest.raises(ConfigInvalid):
        spec.SPEC.initialise(config)
