"""What the codes of Key Vault and of Entra ID mean: one table for each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sealring_azurekv.key import UUID, Target
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
from sealring_plugin.net import Answer

MAX_RETRY_AFTER_S = 3600

# innererror.code where there is one, else error.code. learn.microsoft.com/azure/key-vault/general/common-error-codes
# names some; the others are what the service was seen to answer, in the issues of Microsoft's own clients.
CODES: Mapping[str, type[ProviderError]] = {
    "KeyDisabled": KeyDisabled,
    "KeyExpired": KeyDisabled,
    "KeyNotYetValid": KeyDisabled,
    "ForbiddenByRbac": AccessDenied,
    "ForbiddenByPolicy": AccessDenied,
    "ForbiddenByFirewall": AccessDenied,
    "ForbiddenByConnection": AccessDenied,
    "AccessDenied": AccessDenied,
    "KeyOperationForbidden": AccessDenied,
    "Forbidden": AccessDenied,
    "KeyNotFound": KeyNotFound,
    "ObjectIsDeletedButRecoverable": KeyPendingDeletion,
    "ObjectIsBeingDeleted": KeyPendingDeletion,
    "BadParameter": CiphertextRejected,
    "KeyTypeNotSupported": Unsupported,
    "Throttled": Throttled,
}

# Where the code is not in the table.
STATUSES: Mapping[int, type[ProviderError]] = {
    400: CiphertextRejected,
    403: AccessDenied,
    404: KeyNotFound,
    429: Throttled,
}

# learn.microsoft.com/entra/identity-platform/reference-error-codes. Those of the first kind are for the tenant's admin.
AADSTS: Mapping[int, tuple[type[ProviderError], str]] = {
    700016: (AccessDenied, "the tenant does not know our application; its admin has to add it"),
    7000112: (AccessDenied, "our application is disabled in the tenant"),
    500011: (AccessDenied, "the tenant does not know Key Vault as a resource"),
    53003: (AccessDenied, "a conditional access policy of the tenant blocks our application"),
    90002: (AccessDenied, "there is no such tenant"),
    900023: (AccessDenied, "there is no such tenant"),
    7000215: (ConfigInvalid, "client_secret_file does not hold the app's secret"),
    7000222: (ConfigInvalid, "the secret of client_secret_file has expired"),
    700027: (ConfigInvalid, "the certificate of certificate_file is not registered for the app, or has expired"),
    700024: (
        ConfigInvalid,
        "the client assertion is outside its lifetime: check this machine's clock, or assertion_file",
    ),
    70021: (ConfigInvalid, "the app trusts no federated token such as that of assertion_file"),
    700211: (ConfigInvalid, "the app does not trust the issuer of assertion_file"),
    700212: (ConfigInvalid, "the app does not trust the audience of assertion_file"),
    700213: (ConfigInvalid, "the app does not trust the subject of assertion_file"),
}

# RFC 6749 section 5.2, where the number is not in the table.
OAUTH: Mapping[str, tuple[type[ProviderError], str]] = {
    "invalid_client": (ConfigInvalid, "Entra ID does not take our credential"),
    "unauthorized_client": (AccessDenied, "the tenant does not let our application in"),
}

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


def vault_failure(answer: Answer) -> ProviderError:
    """Return what to raise for an answer of the vault that is neither 200 nor 401."""
    code = _code(answer.document())
    kind = CODES.get(code) or STATUSES.get(answer.status, Unavailable)
    said = f"Key Vault answered {answer.status}{f' {code}' if code in CODES else ''}"
    said += _quoted(answer)
    error = Throttled(said, retry_after_s=_retry_after_s(answer)) if kind is Throttled else kind(said)
    error.request_id = _request_of(answer)
    return error


def refusal(answer: Answer, target: Target) -> ProviderError:
    """Return what a 401 means. Its challenge is compared with what we expect; nothing in it is ever followed.

    learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses#authentication-requirements
    """
    challenge = dict(_CHALLENGE.findall(answer.headers.get("www-authenticate", "")))
    tenant = challenge.get("authorization", "").rstrip("/").rpartition("/")[2].lower()
    if UUID.fullmatch(tenant) and tenant != target.tenant:
        return AccessDenied("the vault is in another tenant than tenant_id says")
    if challenge.get("resource", target.resource).rstrip("/") != target.resource:
        return Unavailable("the vault asks for a token of another resource; none was sent")
    error = Unavailable(f"the vault does not take our token{_quoted(answer)}")
    error.request_id = _request_of(answer)
    return error


def token_failure(answer: Answer) -> ProviderError:
    """Return what to raise for an answer of Entra ID that is no token."""
    body = answer.document()
    numbers = body.get("error_codes")
    number = numbers[0] if isinstance(numbers, list) and numbers and type(numbers[0]) is int else 0
    if answer.status == 429:
        return Throttled("Entra ID limits our rate", retry_after_s=_retry_after_s(answer))
    kind, meaning = AADSTS.get(number) or OAUTH.get(str(body.get("error")), (Unavailable, "Entra ID failed"))
    return kind(f"{meaning} ({answer.status}{f', AADSTS{number}' if number else ''})")


def _code(body: Mapping[str, object]) -> str:
    error = body.get("error")
    if not isinstance(error, dict):
        return ""
    inner = error.get("innererror")
    code = inner.get("code") if isinstance(inner, dict) else error.get("code")
    return code if isinstance(code, str) else ""


def _request_of(answer: Answer) -> str:
    """Return the id that the vault gave to the request; "" if it gave none."""
    request_id = answer.headers.get("x-ms-request-id", "")
    return request_id if UUID.fullmatch(request_id) else ""


def _quoted(answer: Answer) -> str:
    request_id = _request_of(answer)
    return f" (request {request_id})" if request_id else ""


def _retry_after_s(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(min(int(text), MAX_RETRY_AFTER_S)) if re.fullmatch(r"[0-9]{1,6}", text) else None
