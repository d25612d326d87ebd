"""The meaning of Google's errors, by the status and the violations in the body.

The HTTP status is not enough: a disabled key and a malformed request are both 400. The body is a google.rpc.Status
(Cloud APIs, "Errors"):
`{"error": {"status": "FAILED_PRECONDITION", "details": [{"@type": ".../google.rpc.PreconditionFailure", ...}]}}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    ConfigInvalid,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    ProviderError,
    Throttled,
    Unavailable,
    Unsupported,
)
from sealring_plugin.net import Answer

# google.rpc.Code
STATUSES: Mapping[str, type[ProviderError]] = {
    "PERMISSION_DENIED": AccessDenied,  # also for a missing key, if we may not know that it is missing
    "NOT_FOUND": KeyNotFound,
    "FAILED_PRECONDITION": KeyDisabled,  # unless a violation says more
    "INVALID_ARGUMENT": Unsupported,  # the key is not for encryption, or the DEK with its context is too large
    "UNIMPLEMENTED": Unsupported,
    "RESOURCE_EXHAUSTED": Throttled,
    "UNAUTHENTICATED": Unavailable,  # the token expired early: the next call gets a new one
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
    "ABORTED": Unavailable,
    "CANCELLED": Unavailable,
    "INTERNAL": Unavailable,
    "UNKNOWN": Unavailable,
    "DATA_LOSS": Unavailable,
}

# When Google decrypts, INVALID_ARGUMENT means a ciphertext or AAD that does not belong to the key (cryptoKeys.decrypt).
OF_DECRYPTION: Mapping[str, type[ProviderError]] = {"INVALID_ARGUMENT": CiphertextRejected}

# For impersonation of an account that we made, and of one that the key's owner made.
OF_OUR_ACCOUNT: Mapping[str, type[ProviderError]] = {
    "PERMISSION_DENIED": ConfigInvalid,
    "NOT_FOUND": ConfigInvalid,
    "FAILED_PRECONDITION": ConfigInvalid,
    "INVALID_ARGUMENT": ConfigInvalid,
}
OF_AN_OWNERS_ACCOUNT: Mapping[str, type[ProviderError]] = dict.fromkeys(OF_OUR_ACCOUNT, AccessDenied)

# Violations of a PreconditionFailure: the state of the key's version.
VIOLATIONS: Mapping[str, type[ProviderError]] = {
    "KEY_DISABLED": KeyDisabled,
    "KEY_DESTROY_SCHEDULED": KeyPendingDeletion,
    "KEY_DESTROYED": KeyDestroyed,
}

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_SECONDS = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,9})?")
_MAX_RETRY_AFTER_S = 3600.0


def refusal(answer: Answer, differing: Mapping[str, type[ProviderError]] | None = None) -> ProviderError:
    """Return what to raise. A status that is not in a table is a fault of Google's, not of the tenant."""
    error = _object(answer.document().get("error"))
    details = [each for each in _list(error.get("details")) if isinstance(each, Mapping)]
    status = _code(error.get("status"))
    failure = {**STATUSES, **(differing or {})}.get(status, Unavailable)
    if failure is KeyDisabled:
        failure = next((VIOLATIONS[each] for each in _violations(details) if each in VIOLATIONS), KeyDisabled)
    reasons = [_code(each.get("reason")) for each in details]
    message = " ".join(["Google answered", str(answer.status), *filter(None, [status, *reasons])])
    if failure is Throttled:
        return Throttled(message, retry_after_s=_retry_after_s(answer, details))
    return failure(message)


def _violations(details: list[Mapping[str, Any]]) -> Iterator[str]:
    for detail in details:
        for violation in _list(detail.get("violations")):
            yield _code(_object(violation).get("type"))


def _retry_after_s(answer: Answer, details: list[Mapping[str, Any]]) -> float | None:
    """Return the wait that Google asks for, by a google.rpc.RetryInfo, e.g. "1.5s", or the header Retry-After."""
    wishes = [str(each.get("retryDelay", "")).removesuffix("s") for each in details]
    wishes.append(answer.headers.get("retry-after", ""))
    seconds = [float(each) for each in wishes if _SECONDS.fullmatch(each)]
    return min(seconds[0], _MAX_RETRY_AFTER_S) if seconds else None


def _code(text: object) -> str:
    """Return a code of Google's, or "" for any other text: our messages may quote only codes."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else ""


def _object(each: object) -> Mapping[str, Any]:
    return each if isinstance(each, Mapping) else {}


def _list(each: object) -> list[Any]:
    return each if isinstance(each, list) else []
