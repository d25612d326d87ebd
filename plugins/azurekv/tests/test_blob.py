"""A wrapped key opens for the record that it was made for, and leads to no other key, whoever altered it."""

from dataclasses import replace

import pytest
from azure_fake import HSM, VAULT
from entra_fake import text

from sealring_azurekv import blob, wrap
from sealring_azurekv.blob import Blob
from sealring_plugin import CiphertextRejected, KeyNotFound, WrapContext

DEK = bytes(range(32))

every_kind = pytest.mark.parametrize(("vault", "name"), [(VAULT, "first"), (HSM, "rsa"), (HSM, "aes")])


@pytest.mark.parametrize("size", [16, 32, 64])
def test_a_data_key_is_split_from_what_it_is_bound_to(size):
    dek, bound = bytes(range(size)), bytes(32)

    assert blob.split(blob.joined(dek, bound), bound) == dek


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64, 255])
def test_the_length_of_a_data_key_is_what_was_said_before_it(length):
    """The digest is of no length: of a data key with others before or after it, it would be the same."""
    bound = bytes(32)

    with pytest.raises(CiphertextRejected):
        blob.split(bytes([length]) + DEK + bound, bound)


@pytest.mark.parametrize("size", [0, 1, 15])
def test_what_is_too_short_for_a_data_key_is_none(size):
    bound = bytes(32)

    with pytest.raises(CiphertextRejected):
        blob.split(blob.joined(bytes(size), bound), bound)


def test_no_two_keys_and_bindings_have_the_same_digest(make_key):
    key, context = make_key(), WrapContext({"a": "b"}, b"aad")
    digests = {
        blob.digest(key, context),
        blob.digest(make_key("second"), context),
        blob.digest(replace(key, version=2), context),
        blob.digest(make_key(external_id="external-2"), context),
        blob.digest(key, replace(context, aad=b"aae")),
        blob.digest(key, replace(context, pairs={"a": "c"})),
        blob.digest(key, replace(context, pairs={"b": "a"})),
        blob.digest(key, WrapContext({}, b"abaad")),
        blob.digest(key, WrapContext({"ab": ""}, b"aad")),
    }

    assert len(digests) == 9


@every_kind
@pytest.mark.parametrize(
    "other",
    [
        WrapContext({"organization_id": "org_acme", "digest": "d1"}, b"aae"),
        WrapContext({"organization_id": "org_evil", "digest": "d1"}, b"aad"),
        WrapContext({"organization_id": "org_acme"}, b"aad"),
        WrapContext({"organization_id": "org_acme", "digest": "d1", "x": ""}, b"aad"),
        WrapContext({"digest": "org_acme", "organization_id": "d1"}, b"aad"),
        WrapContext({"organization_id": "org_acmeaad", "digest": "d1"}, b""),
    ],
)
def test_the_context_is_bound_too(provider, make_key, context, call, vault, name, other):
    key = make_key(name, vault)
    wrapped = provider.wrap(key, DEK, context, call)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, key, other, call)


@every_kind
def test_whoever_makes_a_new_checksum_gains_nothing(provider, make_key, context, call, vault, name):
    """The kit alters blobs without one, which are refused before the vault is asked; these get there."""
    key = make_key(name, vault)
    mine = provider.wrap(key, DEK, context, call)
    parsed = Blob.parse(mine.alg, mine.blob)
    flipped = bytes([parsed.ciphertext[0] ^ 1]) + parsed.ciphertext[1:]
    altered = [replace(parsed, ciphertext=flipped), replace(parsed, ciphertext=parsed.ciphertext[:-1])]
    if name == "aes":
        altered += [replace(parsed, iv=bytes(12)), replace(parsed, tag=bytes(16)), replace(parsed, iv=b"")]

    for each in altered:
        with pytest.raises(CiphertextRejected):
            provider.unwrap(replace(mine, blob=each.encode()), key, context, call)


def test_another_key_version_of_ours_is_rejected_by_what_is_inside(provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)

    with pytest.raises(CiphertextRejected, match="bound to another record"):
        provider.unwrap(wrapped, replace(key, version=2), context, call)


def test_a_wrapped_key_cannot_be_called_another_algorithm(azure, provider, make_key, context, call):
    key = make_key("rsa", HSM)
    wrapped = provider.wrap(key, DEK, context, call)
    azure.seen.clear()

    with pytest.raises(CiphertextRejected):
        provider.unwrap(replace(wrapped, alg="azure-a256gcm"), key, context, call)

    assert azure.seen == []


@pytest.mark.parametrize(
    "kid",
    [
        "https://evil.example/keys/first/78deebed173b48e48f55abf87ed4cf71",
        "https://other.vault.azure.net/keys/first/78deebed173b48e48f55abf87ed4cf71",
        "https://acme.vault.azure.net/keys/second/78deebed173b48e48f55abf87ed4cf71",
        "https://acme.vault.azure.net/keys/first/78deebed173b48e48f55abf87ed4cf71/x",
        "https://acme.vault.azure.net/keys/first/../second/78deebed173b48e48f55abf87",
        "https://acme.vault.azure.net/keys/first/",
        "https://acme.vault.azure.net/keys/first",
        "",
    ],
)
def test_a_stored_kid_never_leads_elsewhere(azure, provider, key, context, call, kid):
    forged = Blob(wrap.RSA, kid, bytes(256)).encode()
    wrapped = provider.wrap(key, DEK, context, call)
    azure.seen.clear()

    with pytest.raises(CiphertextRejected):
        provider.unwrap(replace(wrapped, blob=forged), key, context, call)

    assert azure.seen == []


def test_a_version_that_is_gone_is_not_found(provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    forged = replace(Blob.parse(wrapped.alg, wrapped.blob), kid=f"{key.key_id}/{'0' * 32}").encode()

    with pytest.raises(KeyNotFound):
        provider.unwrap(replace(wrapped, blob=forged), key, context, call)


def test_what_is_wrapped_fits_the_smallest_key():
    longest = blob.joined(bytes(64), bytes(blob.DIGEST_BYTES))

    assert len(longest) == 97
    assert len(longest) <= 2048 // 8 - 2 * 32 - 2  # RFC 8017 section 7.1.1: 190 bytes


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x01",
        b"\x01\x00",
        b"\x01\x00\x09short",
        b"\x01" + b"\x00\x01k" * 3,
        b"\x01" + b"\x00\x01k" * 5,
        b"\x01" + b"\x00\x01k" * 4 + b"\x00",
        b"\x01" + b"\x00\x01k" * 3 + b"\x00\x02k",
        b"\x02" + b"\x00\x01k" * 4,
        b"\x01" + b"\x00\x01\xff" * 4,
    ],
)
def test_what_is_no_blob_is_rejected_whatever_its_checksum(body):
    with pytest.raises(CiphertextRejected):
        Blob.parse("alg", body + blob._checksum("alg", body))  # noqa: SLF001


@pytest.mark.parametrize("plaintext", [bytes(1), bytes(15), bytes(65)])
def test_what_opens_to_no_data_key_is_rejected(azure, provider, make_key, context, call, monkeypatch, plaintext):
    rsa, aes = make_key("rsa", HSM), make_key("aes", HSM)
    wrapped = [provider.wrap(each, DEK, context, call) for each in (rsa, aes)]
    opened = {"kid": f"{aes.key_id}/{'0' * 32}", "value": text(plaintext)}
    monkeypatch.setattr(azure, "_operate", lambda *_: opened)

    for key, each in zip((rsa, aes), wrapped, strict=True):
        with pytest.raises(CiphertextRejected):
            provider.unwrap(each, key, context, call)
