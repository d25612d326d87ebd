"""A wrap is one call of Cloud KMS, as the organization's account, bound to the context and checked both ways."""

import json
from base64 import b64decode
from dataclasses import replace

import pytest
from fake_google import DISABLED, ENABLED

from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    KeyState,
    Unavailable,
    Unsupported,
    WrapContext,
    WrongRegion,
)

KEY = "projects/acme-keys/locations/europe-west3/keyRings/sealring/cryptoKeys/secrets"
OTHER_KEY = "projects/acme-keys/locations/europe-west3/keyRings/sealring/cryptoKeys/others"
ACCOUNT = "sealring-vvwmhpalytvmiy4pfev7@vault-prod.iam.gserviceaccount.com"
DEK = bytes(range(32))


@pytest.fixture
def kms_key(google):
    return google.kms.keys[KEY]


def test_google_sees_the_account_the_key_and_our_request_id(google, provider, key, context, call):
    provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call)

    seen = [(each.path, each.account, each.user_agent) for each in google.calls("/cryptoKeys/")]
    assert seen == [
        (f"/v1/{KEY}:encrypt", ACCOUNT, "sealring-gcpkms/0.1.0 (request req_01J8Z3K5N7)"),
        (f"/v1/{KEY}:decrypt", ACCOUNT, "sealring-gcpkms/0.1.0 (request req_01J8Z3K5N7)"),
    ]


@pytest.mark.parametrize("request_id", ["", "a b", "a\r\nx: y", "é", "(a)", "x" * 129])
def test_a_request_id_that_could_be_more_than_one_is_left_out(google, provider, key, context, call, request_id):
    provider.wrap(key, DEK, context, replace(call, request_id=request_id))

    assert google.calls(":encrypt")[0].user_agent == "sealring-gcpkms/0.1.0"


def test_context_and_aad_are_what_google_authenticates(google, provider, key, call):
    provider.wrap(key, DEK, WrapContext({"organization_id": "org_acme"}, b"aad"), call)

    sent = json.loads(google.calls(":encrypt")[0].body)
    assert b64decode(sent["additionalAuthenticatedData"]) == (
        b"sealring-gcpkms/v1/aad\0\0\0\x01\0\0\0\x01\0\0\0\x0forganization_id\0\0\0\x08org_acme\0\0\0\x03aad"
    )
    assert sent["plaintext"] == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert sent["plaintextCrc32c"] == "1188919630"  # RFC 3720 appendix B.4
    assert sent.keys() == {
        "plaintext",
        "plaintextCrc32c",
        "additionalAuthenticatedData",
        "additionalAuthenticatedDataCrc32c",
    }


def test_a_wrapped_key_opens_after_the_key_rotated(provider, kms_key, key, context, call):
    old = provider.wrap(key, DEK, context, call)
    kms_key.rotate()
    new = provider.wrap(key, DEK, context, call)

    assert (old.alg, new.alg) == ("gcpkms-v1-1", "gcpkms-v1-2")
    assert provider.unwrap(old, key, context, call) == DEK
    assert provider.unwrap(new, key, context, call) == DEK
    assert provider.describe(key, call).versions == ("2",)


def test_a_disabled_version_breaks_what_it_wrapped_and_nothing_else(provider, kms_key, key, context, call):
    old = provider.wrap(key, DEK, context, call)
    kms_key.rotate()
    new = provider.wrap(key, DEK, context, call)
    kms_key.versions[1].state = DISABLED

    assert provider.unwrap(new, key, context, call) == DEK
    with pytest.raises(KeyDisabled):
        provider.unwrap(old, key, context, call)


@pytest.mark.parametrize(
    ("state", "failure", "described"),
    [
        (DISABLED, KeyDisabled, KeyState.DISABLED),
        ("DESTROY_SCHEDULED", KeyPendingDeletion, KeyState.PENDING_DELETION),
        ("DESTROYED", KeyDestroyed, KeyState.DESTROYED),
        ("PENDING_GENERATION", KeyDisabled, KeyState.DISABLED),
    ],
)
def test_the_state_of_the_key_counts_at_once(provider, kms_key, key, context, call, state, failure, described):
    wrapped = provider.wrap(key, DEK, context, call)

    kms_key.versions[1].state = state

    assert provider.describe(key, call).state is described
    with pytest.raises(failure):
        provider.wrap(key, DEK, context, call)
    with pytest.raises(failure):
        provider.unwrap(wrapped, key, context, call)
    kms_key.versions[1].state = ENABLED
    assert provider.unwrap(wrapped, key, context, call) == DEK


def test_a_version_that_is_restored_and_enabled_works_again(provider, kms_key, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    kms_key.destroy(1)
    kms_key.restore(1)

    with pytest.raises(KeyDisabled):
        provider.unwrap(wrapped, key, context, call)
    kms_key.versions[1].state = ENABLED
    assert provider.unwrap(wrapped, key, context, call) == DEK


def test_a_key_without_a_primary_version_encrypts_nothing(provider, kms_key, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    kms_key.primary = None

    with pytest.raises(KeyDisabled):
        provider.wrap(key, DEK, context, call)
    assert provider.unwrap(wrapped, key, context, call) == DEK


def test_a_grant_that_is_taken_back_counts_at_once(provider, kms_key, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)
    kms_key.policy["cloudkms.cryptoKeyVersions.useToDecrypt"].clear()

    with pytest.raises(AccessDenied):
        provider.unwrap(wrapped, key, context, call)
    provider.wrap(key, DEK, context, call)


def test_a_key_that_we_cannot_see_is_denied_and_one_that_is_not_there_is_missing(google, provider, key, context, call):
    missing = replace(key, key_id=OTHER_KEY)

    with pytest.raises(AccessDenied):
        provider.wrap(missing, DEK, context, call)
    google.kms.project_members.add(ACCOUNT)
    with pytest.raises(KeyNotFound):
        provider.wrap(missing, DEK, context, call)


def test_a_key_of_another_purpose_is_unsupported(provider, kms_key, key, context, call):
    kms_key.purpose = "ASYMMETRIC_DECRYPT"

    with pytest.raises(Unsupported):
        provider.wrap(key, DEK, context, call)


def test_a_context_too_large_for_an_hsm_is_unsupported(provider, kms_key, key, call):
    kms_key.protection = "HSM"

    with pytest.raises(Unsupported):
        provider.wrap(key, DEK, WrapContext({"a": "x" * 8192}, b"aad"), call)


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_dek_of_another_size_is_not_sent(google, provider, key, context, call, size):
    with pytest.raises(Unsupported):
        provider.wrap(key, bytes(size), context, call)

    assert google.calls("/") == []


def test_an_endpoint_of_another_location_is_not_called(google, provider, with_options, context, call):
    elsewhere = with_options(endpoint="https://cloudkms.us-east1.rep.googleapis.com")

    with pytest.raises(WrongRegion):
        provider.wrap(elsewhere, DEK, context, call)
    assert google.calls("/") == []


# --- what comes back is checked


def instead(answer):
    """Alter the fields that it has; where it has none, it is the answer."""
    return lambda true: {**true, **answer} if answer and isinstance(answer, dict) else answer


@pytest.mark.parametrize(
    "answer",
    [
        {"name": f"{KEY}/cryptoKeyVersions/0"},
        {"name": f"{OTHER_KEY}/cryptoKeyVersions/1"},
        {"name": KEY},
        {"name": None},
        {"ciphertext": "AAAA"},
        {"ciphertext": "no base64!"},
        {"ciphertextCrc32c": "1"},
        {"ciphertextCrc32c": None},
        {"verifiedPlaintextCrc32c": False},
        {"verifiedAdditionalAuthenticatedDataCrc32c": False},
        {"verifiedPlaintextCrc32c": "true"},
        {},
        [],
        b"<html>",
        b"",
    ],
)
def test_an_encryption_that_was_altered_on_the_way_is_not_kept(google, provider, key, context, call, answer):
    with google.altering(instead(answer)), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call)


@pytest.mark.parametrize(
    "answer",
    [
        {"plaintext": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4="},
        {"plaintextCrc32c": "1188919631"},
        {"plaintext": None},
        {},
        b"<html>",
    ],
)
def test_a_dek_that_was_altered_on_the_way_is_not_returned(google, provider, key, context, call, answer):
    wrapped = provider.wrap(key, DEK, context, call)

    with google.altering(instead(answer)), pytest.raises(Unavailable):
        provider.unwrap(wrapped, key, context, call)


@pytest.mark.parametrize(
    "answer",
    [
        {"plaintext": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh4=", "plaintextCrc32c": "3031890509"},
        {"plaintext": "", "plaintextCrc32c": "0"},
    ],
)
def test_a_dek_that_is_another_one_is_rejected(google, provider, key, context, call, answer):
    wrapped = provider.wrap(key, DEK, context, call)

    with google.altering(instead(answer)), pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, key, context, call)


def test_base64_with_anything_between_is_refused(google, provider, key, context, call):
    def spaced(answer):
        return {**answer, "ciphertext": f"{answer['ciphertext'][:4]}!{answer['ciphertext'][4:]}"}

    with google.altering(spaced), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call)


def test_a_request_that_was_altered_on_the_way_is_noticed_by_google(provider, key, context, call, monkeypatch):
    monkeypatch.setattr("sealring_gcpkms.client.crc32c", lambda _: 1)

    with pytest.raises(Unsupported):
        provider.wrap(key, DEK, context, call)


def test_a_description_of_another_key_is_not_believed(google, provider, key, call):
    with google.altering(instead({"name": OTHER_KEY})), pytest.raises(Unavailable):
        provider.describe(key, call)


def test_a_key_is_described(google, provider, kms_key, key, call):
    kms_key.protection = "HSM"

    described = provider.describe(key, call)

    assert (described.algorithm, described.region, described.protection) == (
        "GOOGLE_SYMMETRIC_ENCRYPTION",
        "europe-west3",
        "hsm",
    )
