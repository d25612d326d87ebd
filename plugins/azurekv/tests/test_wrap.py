"""Every wrap and unwrap is the vault's, bound to its record, and fails as soon as the key's owner wants."""

import json
import uuid
from dataclasses import replace

import pytest
from azure_fake import HSM, VAULT, Key, refused

from sealring_azurekv.blob import Blob
from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    KeyState,
    Unavailable,
    Unsupported,
)

DEK = bytes(range(32))
KINDS = [(VAULT, "first"), (HSM, "rsa"), (HSM, "aes")]

every_kind = pytest.mark.parametrize(("vault", "name"), KINDS)


@every_kind
def test_each_wrap_and_unwrap_is_an_operation_of_the_vault(azure, provider, make_key, context, call, vault, name):
    key = make_key(name, vault)

    opened = provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call)
    again = provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call)

    wraps, unwraps = ("encrypt", "decrypt") if name == "aes" else ("wrapkey", "unwrapkey")
    newest = azure.keys[vault, name].newest.name
    assert opened == again == DEK
    assert ("POST", f"/keys/{name}/{newest}/{wraps}") in azure.seen
    assert azure.operations() == [f"GET {name}", f"POST {wraps}", f"POST {unwraps}"] * 2


@every_kind
def test_the_wrap_after_a_key_is_disabled_fails(azure, provider, make_key, context, call, vault, name):
    key = make_key(name, vault)
    wrapped = provider.wrap(key, DEK, context, call)
    azure.seen.clear()

    with azure.disabled((vault, name)):
        with pytest.raises(KeyDisabled):
            provider.wrap(key, DEK, context, call)
        with pytest.raises(KeyDisabled):
            provider.unwrap(wrapped, key, context, call)
        asked = azure.operations()

    assert asked == [f"GET {name}", "POST decrypt" if name == "aes" else "POST unwrapkey"]
    assert provider.unwrap(wrapped, key, context, call) == DEK
    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK


def test_it_fails_although_the_vault_would_still_wrap(azure, provider, key, context, call):
    """As the service was seen to do with RSA keys: github.com/Azure/azure-sdk-for-python/issues/45342."""
    with azure.disabled((VAULT, "first")), azure.switched(wraps_when_disabled=True), pytest.raises(KeyDisabled):
        provider.wrap(key, DEK, context, call)


def test_it_fails_although_the_vault_does_not_show_a_disabled_key(azure, provider, key, context, call):
    with azure.disabled((VAULT, "first")), azure.switched(hides_when_disabled=True):
        with pytest.raises(KeyDisabled):
            provider.wrap(key, DEK, context, call)
        assert provider.describe(key, call).state is KeyState.DISABLED


def test_it_fails_although_we_may_not_look(azure, provider, key, context, call):
    with azure.disabled((VAULT, "first")), azure.switched(denied={"get"}), pytest.raises(KeyDisabled):
        provider.wrap(key, DEK, context, call)

    assert azure.operations() == ["GET first", "POST wrapkey"]


def test_a_vault_that_does_not_let_us_look_wraps_all_the_same(azure, provider, key, context, call):
    with azure.switched(denied={"get"}):
        wrapped = provider.wrap(key, DEK, context, call)

        assert provider.unwrap(wrapped, key, context, call) == DEK


def test_a_managed_hsm_that_does_not_let_us_look_is_not_guessed_at(azure, provider, make_key, context, call):
    with azure.switched(denied={"get"}), pytest.raises(AccessDenied):
        provider.wrap(make_key("rsa", HSM), DEK, context, call)

    assert azure.operations() == ["GET rsa"]


@pytest.mark.parametrize("attributes", [{"exp": 1_700_000_000}, {"nbf": 4_000_000_000}])
def test_outside_its_time_a_key_unwraps_and_does_not_wrap(azure, provider, key, context, call, attributes):
    wrapped = provider.wrap(key, DEK, context, call)
    azure.keys[VAULT, "first"].newest.attributes.update(attributes)
    try:
        with pytest.raises(KeyDisabled):
            provider.wrap(key, DEK, context, call)
        assert provider.unwrap(wrapped, key, context, call) == DEK
    finally:
        for name in attributes:
            del azure.keys[VAULT, "first"].newest.attributes[name]


@every_kind
def test_a_wrapped_key_opens_with_the_version_that_wrapped_it(azure, provider, make_key, context, call, vault, name):
    key, kept = make_key(name, vault), azure.keys[vault, name]
    before = provider.wrap(key, DEK, context, call)
    old = kept.newest.name

    kept.rotate()
    after = provider.wrap(key, DEK, context, call)

    assert Blob.parse(before.alg, before.blob).kid == f"{key.key_id}/{old}"
    assert Blob.parse(after.alg, after.blob).kid == f"{key.key_id}/{kept.newest.name}"
    assert provider.unwrap(before, key, context, call) == provider.unwrap(after, key, context, call) == DEK
    assert f"/keys/{name}/{old}/" in azure.seen[-2][1]


def test_a_key_may_change_its_type_with_a_version(azure, provider, make_key, context, call):
    key, kept = make_key("rsa", HSM), azure.keys[HSM, "rsa"]
    before = provider.wrap(key, DEK, context, call)
    azure.keys[HSM, "rsa"] = Key("oct-HSM")
    try:
        after = provider.wrap(key, DEK, context, call)
    finally:
        azure.keys[HSM, "rsa"] = kept

    assert [before.alg, after.alg] == ["azure-rsa-oaep-256", "azure-a256gcm"]


def test_the_name_of_a_key_has_no_case(provider, make_key, context, call):
    key = make_key("First")

    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK


@every_kind
@pytest.mark.parametrize("size", [0, 15, 65, 190])
def test_what_is_no_data_key_is_not_wrapped(azure, provider, make_key, context, call, vault, name, size):
    with pytest.raises(Unsupported):
        provider.wrap(make_key(name, vault), bytes(size), context, call)

    assert azure.seen == []


def test_a_deleted_key_is_told_from_a_purged_one_where_we_may_know(azure, provider, key, context, call):
    wrapped = provider.wrap(key, DEK, context, call)

    with azure.without((VAULT, "first"), recoverable=True):
        with azure.switched(denied=set()), pytest.raises(KeyPendingDeletion) as told:
            provider.unwrap(wrapped, key, context, call)
        with pytest.raises(KeyNotFound):
            provider.unwrap(wrapped, key, context, call)
        with azure.switched(denied=set()):
            described = provider.describe(key, call)

    assert told.value.when == "2030-01-01T00:00:00Z"
    assert described.state is KeyState.PENDING_DELETION


def test_an_elliptic_curve_does_not_wrap(azure, provider, make_key, context, call):
    azure.keys[VAULT, "curve"] = Key("EC")

    with pytest.raises(Unsupported, match="neither RSA nor oct-HSM"):
        provider.wrap(make_key("curve"), DEK, context, call)


def test_a_key_that_does_not_do_our_algorithm_is_unsupported(azure, provider, key, context, call):
    azure.keys[VAULT, "curve"] = Key("EC")
    unknown = replace(key, key_id=f"{VAULT}/keys/curve")

    with azure.switched(denied={"get"}), pytest.raises(Unsupported, match="does not do RSA-OAEP-256"):
        provider.wrap(unknown, DEK, context, call)


def test_a_description_says_what_the_vault_does(azure, provider, make_key, call):
    described = [provider.describe(make_key(name, vault), call) for vault, name in KINDS]

    assert [each.algorithm for each in described] == ["RSA 2048", "RSA-HSM 2048", "oct-HSM"]
    assert [each.protection for each in described] == ["software", "hsm", "hsm"]
    assert [each.versions for each in described] == [(azure.keys[where].newest.name,) for where in KINDS]


def test_the_vaults_log_has_our_request_id(azure, provider, key, context, call):
    provider.wrap(key, DEK, context, call)

    _, _, agent, correlation = azure.log[-1]
    assert agent == "sealring-azurekv (request request-1)"
    assert correlation == str(uuid.uuid5(uuid.NAMESPACE_OID, "request-1"))


@pytest.mark.parametrize("request_id", ["a\r\nx-evil: 1", "", "ü", "x" * 129])
def test_a_request_id_that_no_header_takes_is_left_out(azure, provider, key, context, call, request_id):
    provider.wrap(key, DEK, context, replace(call, request_id=request_id))

    assert azure.log[-1][2] == "sealring-azurekv (request -)"


@pytest.mark.parametrize(
    "result",
    [
        {"kid": f"{VAULT}/keys/second/{'0' * 32}", "value": "AAAA", "iv": "A" * 16, "tag": "A" * 22},
        {},
        {"kid": f"{HSM}/keys/aes/{'0' * 32}"},
        {"kid": 1, "value": "AAAA"},
        {"kid": f"{HSM}/keys/aes/{'0' * 32}", "value": 1},
        {"kid": f"{HSM}/keys/aes/{'0' * 32}", "value": "A"},
        {"kid": f"{HSM}/keys/aes/{'0' * 32}", "value": "AA+/"},
        {"kid": f"{HSM}/keys/aes/{'0' * 32}", "value": "AAA="},
        {"kid": f"{HSM}/keys/aes/{'0' * 32}", "value": "\u00e4AAA"},
        {"kid": f"{HSM}/keys/aes/{'0' * 32}", "value": "AAAA"},
        {"kid": f"{HSM}/keys/aes/{'0' * 32}", "value": "AAAA", "iv": "A" * 16, "tag": "A" * 4},
        {"kid": f"{HSM}/keys/aes/{'0' * 32}", "value": "AAAA", "iv": "A" * 4, "tag": "A" * 22},
    ],
)
def test_a_result_that_could_not_be_opened_is_no_success(azure, provider, make_key, context, call, monkeypatch, result):
    monkeypatch.setattr(azure, "_operate", lambda *_: result)

    with pytest.raises(Unavailable):
        provider.wrap(make_key("aes", HSM), DEK, context, call)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kid": "https://acme.vault.azure.net/keys/second/78deebed173b48e48f55abf87ed4cf71", "value": "AAAA"},
        {"kid": "https://acme.vault.azure.net/keys/first/78deebed173b48e48f55abf87ed4cf71"},
        {"kid": "https://acme.vault.azure.net/keys/first/78deebed173b48e48f55abf87ed4cf71", "value": "ä"},
        {"kid": ["x"], "value": "AAAA"},
        {"key": {"kid": "https://acme.vault.azure.net/keys/second/78deebed173b48e48f55abf87ed4cf71", "kty": "RSA"}},
        {"key": "x", "attributes": 1, "tags": []},
    ],
)
def test_an_answer_that_is_none_is_no_success(azure, provider, key, context, call, body):
    answer = refused(200, "")
    answer.body = json.loads(json.dumps(body))

    with azure.switched(fails_with=answer), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call)


# --- whose key it is


def test_a_key_that_is_meant_for_another_organization_does_not_wrap(azure, provider, make_key, context, call):
    with pytest.raises(AccessDenied, match="another organization"):
        provider.wrap(make_key(external_id="external-2"), DEK, context, call)

    assert "POST wrapkey" not in azure.operations()


def test_a_version_without_a_tag_wraps_since_a_rotation_may_make_such(azure, provider, make_key, context, call):
    azure.keys[VAULT, "untagged"] = Key()
    key = make_key("untagged")

    assert provider.unwrap(provider.wrap(key, DEK, context, call), key, context, call) == DEK


@pytest.mark.parametrize(("vault", "name"), [(VAULT, "first"), (HSM, "rsa"), (HSM, "aes")])
def test_a_wrapped_key_opens_for_its_own_organization_alone(provider, make_key, context, call, vault, name):
    wrapped = provider.wrap(make_key(name, vault), DEK, context, call)

    with pytest.raises(CiphertextRejected):
        provider.unwrap(wrapped, make_key(name, vault, external_id="external-2"), context, call)
