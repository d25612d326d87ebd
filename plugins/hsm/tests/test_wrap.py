"""What the hsm provider promises of wrapping."""

import hashlib
import os
from dataclasses import replace

import pytest

from sealring_hsm.material import Material, record
from sealring_plugin import (
    DATA,
    KEEP,
    Announces,
    ChecksItself,
    CiphertextRejected,
    DestroysKeys,
    ManagedKeys,
    ProviderError,
    RootName,
    Unsupported,
    WrapContext,
    WrappedKey,
)

DEK = bytearray(range(32))


def test_it_has_the_powers_that_it_says(provider):
    assert isinstance(provider, ManagedKeys)
    assert isinstance(provider, ChecksItself)
    assert isinstance(provider, Announces)


def test_it_does_not_say_that_it_destroys_keys_since_a_backup_of_their_material_still_opens(provider):
    assert not isinstance(provider, DestroysKeys)


def test_it_announces_the_grade_of_the_export_guard(provider):
    assert provider.announcement() == "export guard: enforced by the token"


@pytest.mark.parametrize("size", range(16, 65))
def test_a_wrapped_key_is_unwrapped(provider, key, context, call, size):
    dek = bytearray(os.urandom(size))

    unwrapped = provider.unwrap(provider.wrap(key, dek, context, call), key, context, call)

    assert unwrapped == dek
    assert isinstance(unwrapped, bytearray)


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_a_data_key_may_be_bytes_or_bytearray(provider, key, context, call, kind):
    assert provider.unwrap(provider.wrap(key, kind(DEK), context, call), key, context, call) == DEK


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_data_key_of_another_size_is_refused(provider, key, context, call, size):
    with pytest.raises(Unsupported):
        provider.wrap(key, bytes(size), context, call)


def test_an_empty_context_is_a_context_like_any_other(provider, key, context, call):
    wrapped = provider.wrap(key, DEK, WrapContext({}, b""), call)

    assert provider.unwrap(wrapped, key, WrapContext({}, b""), call) == DEK
    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, key, context, call)


def test_another_context_is_rejected(provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, key, WrapContext(context.pairs, b"other"), call)


def test_another_key_is_rejected(provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, provider.create_key("key-1", 1, b"scope", DATA, call), context, call)


@pytest.mark.parametrize(
    "change",
    [
        {"key_id": "key-2"},
        {"version": 2},
        {"scope": b"other"},
        {"scope": b""},
        {"root": RootName(KEEP, 1)},
        {"root": RootName(DATA, 2)},
    ],
)
def test_key_material_of_another_record_is_rejected(provider, key, context, call, change):
    provider.wrap(key, DEK, context, call)

    with pytest.raises(CiphertextRejected):
        provider.wrap(replace(key, **change), DEK, context, call)


def test_the_material_of_another_tenant_is_rejected(provider, context, call):
    ours = provider.create_key("key-1", 1, b"org_acme", DATA, call)
    theirs = provider.create_key("key-2", 1, b"org_other", DATA, call)

    with pytest.raises(CiphertextRejected):
        provider.wrap(replace(ours, material=theirs.material), DEK, context, call)


def test_each_bit_of_a_wrapped_key_counts(provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    for changed in _with_one_bit_flipped(wrapped.blob):
        with pytest.raises(CiphertextRejected):
            provider.unwrap(WrappedKey(wrapped.alg, changed), key, context, call)


def test_each_bit_of_the_material_counts(provider, key, context, call):
    for changed in _with_one_bit_flipped(key.material):
        with pytest.raises(CiphertextRejected):
            provider.wrap(replace(key, material=changed), DEK, context, call)


def test_each_bit_of_the_material_counts_even_where_its_check_is_made_anew(provider, key, context, call):
    for changed in _with_one_bit_flipped(key.material[:-8]):
        forged = changed + hashlib.sha256(changed).digest()[:8]
        with pytest.raises(ProviderError):
            provider.wrap(replace(key, material=forged), DEK, context, call)


def test_truncated_material_is_rejected(provider, key, context, call):
    for size in range(len(key.material)):
        with pytest.raises(CiphertextRejected):
            provider.wrap(replace(key, material=key.material[:size]), DEK, context, call)


@pytest.mark.parametrize("size", [0, 1, 11, 12, 27, 28, 43, 59])
def test_a_truncated_wrapped_key_is_rejected(provider, key, context, call, size):
    wrapped = provider.wrap(key, DEK, context, call)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(WrappedKey(wrapped.alg, wrapped.blob[:size]), key, context, call)


@pytest.mark.parametrize("size", [0, 1, 15, 65, 128])
def test_what_opens_to_no_data_key_is_rejected(provider, key, context, call, size):
    """Sealed by the token with the very key and AAD, e.g. by another application that has the PIN."""
    aad = b"sealring-hsm/v1/dek" + context.aad
    sealed = provider._with_key(key, lambda client, handle: client.seal(handle, bytes(size), aad), call)  # noqa: SLF001

    with pytest.raises(CiphertextRejected, match="not the size"):
        provider.unwrap(WrappedKey("hsm-a256gcm", sealed.nonce + sealed.ciphertext), key, context, call)


@pytest.mark.parametrize("alg", ["rsa-oaep", "hsm-a256gcm-iv16"])
def test_another_algorithm_is_rejected(provider, key, context, call, alg):
    wrapped = provider.wrap(key, DEK, context, call)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(WrappedKey(alg, wrapped.blob), key, context, call)


def test_two_wraps_of_one_key_differ(provider, key, context, call):
    assert provider.wrap(key, DEK, context, call) != provider.wrap(key, DEK, context, call)


def test_two_keys_of_one_name_differ(provider, call):
    assert provider.create_key("key-1", 1, b"", DATA, call) != provider.create_key("key-1", 1, b"", DATA, call)


def test_the_binding_tag_of_a_key_does_not_pass_for_a_wrapped_data_key(provider, key, call):
    """Not even where the AAD is chosen to be what the tag authenticates: the key's record."""
    made = Material.parse(key.material)
    authenticated = record(key.key_id, key.version, key.scope, made.root, made.wrap_mechanism)

    for aad in (b"", authenticated):
        with pytest.raises(CiphertextRejected):
            provider.unwrap(WrappedKey("hsm-a256gcm", made.nonce + made.tag), key, WrapContext({}, aad), call)


def test_material_is_not_shown(key):
    assert "material" not in repr(key)
    assert len(key.material) == 125


def test_after_closing_another_provider_unwraps(make_provider, context, call):
    first = make_provider()
    key = first.create_key("key-1", 1, b"scope", DATA, call)
    wrapped = first.wrap(key, DEK, context, call)
    first.close()
    first.close()

    assert make_provider().unwrap(wrapped, key, context, call) == DEK


def test_two_providers_share_a_token_and_one_may_close(make_provider, context, call):
    first, second = make_provider(), make_provider()
    key = first.create_key("key-1", 1, b"scope", DATA, call)
    wrapped = second.wrap(key, DEK, context, call)

    first.close()

    assert second.unwrap(wrapped, key, context, call) == DEK


def _with_one_bit_flipped(value):
    for position in range(8 * len(value)):
        flipped = bytearray(value)
        flipped[position // 8] ^= 1 << position % 8
        yield bytes(flipped)
