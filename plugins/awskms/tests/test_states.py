"""The state of a customer's key counts at once, and its log shows what we did."""

from dataclasses import replace

import pytest
from aws_emulators.emulators import CUSTOMERS

from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    KeyState,
    Unavailable,
    Unsupported,
    WrapContext,
)

DEK = bytes(range(32))


def test_a_key_that_is_disabled_fails_at_once_and_works_again_when_it_is_enabled(
    provider, localstack, key, context, call
):
    wrapped = provider.wrap(key, DEK, context, call())

    localstack.admin.disable_key(KeyId=key.key_id)
    with pytest.raises(KeyDisabled):
        provider.wrap(key, DEK, context, call())
    with pytest.raises(KeyDisabled):
        provider.unwrap(wrapped, key, context, call())
    assert provider.describe(key, call()).state is KeyState.DISABLED

    localstack.admin.enable_key(KeyId=key.key_id)
    assert provider.unwrap(wrapped, key, context, call()) == DEK


def test_a_key_that_is_to_be_deleted_says_when(provider, localstack, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call())
    when = localstack.admin.schedule_key_deletion(KeyId=key.key_id, PendingWindowInDays=7)["DeletionDate"]

    with pytest.raises(KeyPendingDeletion) as raised:
        provider.unwrap(wrapped, key, context, call())

    assert raised.value.when[:19] == when.astimezone().isoformat()[:19]
    assert provider.describe(key, call()).state is KeyState.PENDING_DELETION


def test_when_a_key_is_deleted_is_left_out_where_we_may_not_ask(provider, proxy, localstack, key, context, call):
    localstack.admin.schedule_key_deletion(KeyId=key.key_id)

    with (
        proxy.answering("AccessDeniedException", operations=("DescribeKey",)),
        pytest.raises(KeyPendingDeletion) as raised,
    ):
        provider.wrap(key, DEK, context, call())

    assert raised.value.when is None


def test_a_key_without_material_is_as_good_as_disabled(provider, proxy, localstack, at, context, call):
    key = at(proxy, localstack.make_key(Origin="EXTERNAL"))

    with pytest.raises(KeyDisabled):
        provider.wrap(key, DEK, context, call())

    assert provider.describe(key, call()).state is KeyState.DISABLED


def test_a_state_that_passes_is_unavailable(provider, proxy, key, context, call):
    with proxy.answering("KMSInvalidStateException", operations=("Encrypt",)), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call())


def test_the_key_of_another_account_is_used_by_its_arn(provider, key, context, call):
    assert f":{CUSTOMERS}:" in key.key_id

    assert provider.unwrap(provider.wrap(key, DEK, context, call()), key, context, call()) == DEK


def test_a_key_for_signatures_wraps_nothing(provider, proxy, localstack, at, context, call):
    key = at(proxy, localstack.make_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048"))

    with pytest.raises(Unsupported):
        provider.wrap(key, DEK, context, call())


def test_a_key_that_is_not_there_is_not_found(provider, key, context, call):
    missing = replace(key, key_id=f"{key.key_id[:-12]}000000000000")

    with pytest.raises(KeyNotFound):
        provider.wrap(missing, DEK, context, call())


def test_a_rotated_key_opens_what_it_wrapped_before(provider, localstack, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call())
    localstack.admin.rotate_key_on_demand(KeyId=key.key_id)

    assert provider.unwrap(wrapped, key, context, call()) == DEK


def test_a_key_is_described(provider, key, call):
    described = provider.describe(key, call())

    assert (described.algorithm, described.region, described.protection) == ("SYMMETRIC_DEFAULT", "eu-west-1", "hsm")


# --- what the key's owner sees


def test_the_log_of_the_owner_shows_the_pairs_and_our_request(provider, proxy, key, call):
    context = WrapContext({"organization_id": "org_acme", "resource_type": "invoice"}, b"aad")

    wrapped = provider.wrap(key, DEK, context, call(request_id="req_01J8Z3K5N7Q9"))
    provider.unwrap(wrapped, key, context, call(request_id="req_01J8Z3K5N7QA"))

    (encrypt,), (decrypt,) = proxy.of("Encrypt"), proxy.of("Decrypt")
    assert encrypt.body["EncryptionContext"] == decrypt.body["EncryptionContext"]
    assert {**encrypt.body["EncryptionContext"], "sealring-aad": ""} == {
        "organization_id": "org_acme",
        "resource_type": "invoice",
        "sealring-aad": "",
    }
    assert encrypt.user_agent.endswith(" sealring-request/req_01J8Z3K5N7Q9")
    assert decrypt.user_agent.endswith(" sealring-request/req_01J8Z3K5N7QA")


@pytest.mark.parametrize("request_id", ["", "two words", "a\r\nx: y", "x" * 65, "ä"])
def test_a_request_id_that_is_no_word_is_left_out(provider, proxy, key, context, call, request_id):
    provider.wrap(key, DEK, context, call(request_id=request_id))

    assert "sealring-request" not in proxy.seen[0].user_agent


def test_every_call_names_the_key_in_full(provider, proxy, key, context, call):
    provider.unwrap(provider.wrap(key, DEK, context, call()), key, context, call())

    assert [each.body["KeyId"] for each in proxy.seen] == [key.key_id, key.key_id]


def test_a_key_policy_with_a_condition_keeps_other_organizations_out(provider, proxy, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call())

    with proxy.letting_in("org_acme"):
        assert provider.unwrap(wrapped, key, context, call()) == DEK
        with pytest.raises(AccessDenied):
            provider.unwrap(wrapped, key, WrapContext({"organization_id": "org_thief"}, b"aad"), call())


# --- what we do not ask for at all


@pytest.mark.parametrize("size", [0, 15, 65])
def test_what_is_no_data_key_is_not_wrapped(provider, proxy, key, context, call, size):
    with pytest.raises(Unsupported):
        provider.wrap(key, bytes(size), context, call())

    assert proxy.seen == []


@pytest.mark.parametrize("blob", [b"", bytes(6145)])
def test_what_cannot_be_a_blob_is_not_unwrapped(provider, proxy, key, context, call, blob):
    wrapped = replace(provider.wrap(key, DEK, context, call()), blob=blob)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, key, context, call())

    assert proxy.of("Decrypt") == []


def test_a_blob_that_opens_to_no_data_key_is_rejected(provider, proxy, key, context, call, localstack):
    wrapped = provider.wrap(key, DEK, context, call())
    pairs = proxy.seen[0].body["EncryptionContext"]
    other = localstack.admin.encrypt(KeyId=key.key_id, Plaintext=b"no key", EncryptionContext=pairs)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(replace(wrapped, blob=other["CiphertextBlob"]), key, context, call())


def test_an_answer_of_another_key_is_rejected(provider, proxy, key, context, call):
    other = f'{{"KeyId": "{key.key_id[:-1]}x", "CiphertextBlob": "AAAA", "Plaintext": "{"A" * 44}"}}'.encode()
    wrapped = provider.wrap(key, DEK, context, call())

    with proxy.answering_with(200, {"content-type": "application/x-amz-json-1.1"}, other):
        with pytest.raises(CiphertextRejected, match="another key"):
            provider.wrap(key, DEK, context, call())
        with pytest.raises(CiphertextRejected, match="another key"):
            provider.unwrap(wrapped, key, context, call())
