"""Each code of Key Vault and Entra ID means what its table says."""

from dataclasses import replace

import pytest
from azure_fake import refused
from entra_fake import OTHER_TENANT, login_refused

from sealring_azurekv import errors
from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    ConfigInvalid,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    ProviderError,
    Throttled,
    Unavailable,
    Unsupported,
)

ANSWERS = [
    (403, "Forbidden", "KeyDisabled", KeyDisabled),
    (403, "Forbidden", "KeyExpired", KeyDisabled),
    (403, "Forbidden", "KeyNotYetValid", KeyDisabled),
    (403, "Forbidden", "ForbiddenByRbac", AccessDenied),
    (403, "Forbidden", "ForbiddenByPolicy", AccessDenied),
    (403, "Forbidden", "ForbiddenByFirewall", AccessDenied),
    (403, "Forbidden", "ForbiddenByConnection", AccessDenied),
    (403, "Forbidden", "AccessDenied", AccessDenied),
    (403, "Forbidden", "KeyOperationForbidden", AccessDenied),
    (403, "Forbidden", None, AccessDenied),
    (404, "KeyNotFound", None, KeyNotFound),
    (409, "Conflict", "ObjectIsDeletedButRecoverable", KeyPendingDeletion),
    (409, "Conflict", "ObjectIsBeingDeleted", KeyPendingDeletion),
    (400, "BadParameter", None, CiphertextRejected),
    (400, "KeyTypeNotSupported", None, Unsupported),
    (429, "Throttled", None, Throttled),
    # codes that are in no table
    (400, "New", None, CiphertextRejected),
    (403, "New", "Newer", AccessDenied),
    (404, "New", None, KeyNotFound),
    (429, "New", None, Throttled),
    (409, "Conflict", None, Unavailable),
    (418, "New", None, Unavailable),
    (500, "InternalServerError", None, Unavailable),
    (502, "New", "Newer", Unavailable),
    (503, "ServiceUnavailable", None, Unavailable),
    (204, "New", None, Unavailable),
    (307, "New", None, Unavailable),
]

LOGINS = [
    (400, "unauthorized_client", 700016, AccessDenied),
    (400, "unauthorized_client", 7000112, AccessDenied),
    (400, "invalid_resource", 500011, AccessDenied),
    (400, "access_denied", 53003, AccessDenied),
    (400, "invalid_request", 90002, AccessDenied),
    (400, "invalid_request", 900023, AccessDenied),
    (401, "invalid_client", 7000215, ConfigInvalid),
    (401, "invalid_client", 7000222, ConfigInvalid),
    (401, "invalid_client", 700027, ConfigInvalid),
    (401, "invalid_client", 700024, ConfigInvalid),
    (401, "invalid_client", 70021, ConfigInvalid),
    (401, "invalid_client", 700211, ConfigInvalid),
    (401, "invalid_client", 700212, ConfigInvalid),
    (401, "invalid_client", 700213, ConfigInvalid),
    # numbers that are in no table
    (401, "invalid_client", 1, ConfigInvalid),
    (400, "unauthorized_client", 1, AccessDenied),
    (400, "invalid_scope", 70011, Unavailable),
    (503, "temporarily_unavailable", 1, Unavailable),
    (429, "invalid_client", 7000215, Throttled),
]


def raised(use):
    with pytest.raises(ProviderError) as raised:
        use()
    return raised.value


def key_of_another_tenant(key):
    options = tuple((name, OTHER_TENANT if name == "tenant_id" else value) for name, value in key.options)
    return replace(key, options=options)


@pytest.mark.parametrize(("status", "code", "inner", "failure"), ANSWERS)
def test_a_vaults_code_has_its_meaning(azure, provider, key, context, call, status, code, inner, failure):
    wrapped = provider.wrap(key, bytes(32), context, call)

    with azure.switched(fails_with=refused(status, code, inner)):
        error = raised(lambda: provider.unwrap(wrapped, key, context, call))

    assert type(error) is failure


@pytest.mark.parametrize(("status", "error", "number", "failure"), LOGINS)
def test_a_code_of_entra_id_has_its_meaning(azure, provider, key, context, call, status, error, number, failure):
    with azure.entra.failing(login_refused(status, error, number)):
        refusal = raised(lambda: provider.wrap(key, bytes(32), context, call))

    assert type(refusal) is failure
    assert f"AADSTS{number}" in str(refusal) or failure is Throttled
    assert azure.operations() == []


def test_no_row_of_the_tables_is_left_out():
    assert {inner or code for _, code, inner, _ in ANSWERS} >= errors.CODES.keys()
    assert {status for status, *_ in ANSWERS} >= errors.STATUSES.keys()
    assert {number for _, _, number, _ in LOGINS} >= errors.AADSTS.keys()
    assert {error for _, error, number, _ in LOGINS if number == 1} >= errors.OAUTH.keys()


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("99999", 3600.0), ("soon", None), ("-1", None), ("", None)])
def test_when_to_come_back_is_told(azure, provider, key, context, call, text, seconds):
    headers = {"retry-after": text}

    with azure.switched(fails_with=refused(429, "Throttled", headers=headers)):
        vaults = raised(lambda: provider.wrap(key, bytes(32), context, call))
    provider.close()
    with azure.entra.failing(login_refused(429, "throttled", 1, headers)):
        logins = raised(lambda: provider.wrap(key_of_another_tenant(key), bytes(32), context, call))

    assert [vaults.retry_after_s, logins.retry_after_s] == [seconds, seconds]


def test_a_message_holds_our_words_and_the_vaults_request_id(azure, provider, key, context, call):
    hostile = "Secret\r\nInjected"
    identifier = "0a1b2c3d-0000-1111-2222-333344445555"

    with azure.switched(fails_with=refused(403, hostile, "ForbiddenByRbac", {"x-ms-request-id": identifier})):
        known = raised(lambda: provider.wrap(key, bytes(32), context, call))
    with azure.switched(fails_with=refused(403, hostile, hostile, {"x-ms-request-id": "no-uuid"})):
        unknown = raised(lambda: provider.wrap(key, bytes(32), context, call))

    assert str(known) == f"Key Vault answered 403 ForbiddenByRbac (request {identifier})"
    assert known.request_id == identifier
    assert str(unknown) == "Key Vault answered 403"
