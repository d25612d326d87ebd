"""What Google's refusals mean: by the status, and the violations, that a body names; never by the class of HTTP.

A disabled key and a malformed request are both 400. The body is a google.rpc.Status (Cloud APIs, "Errors"):
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
    "PERMISSION_DENIED": AccessDenied,  # says "(or it may not exist)" where we may not even know that
    "NOT_FOUND": KeyNotFound,
    "FAILED_PRECONDITION": KeyDisabled,  # unless a violation says more
    "INVALID_ARGUMENT": Unsupported,  # not a key for encryption, or a DEK with its context too large for it
    "UNIMPLEMENTED": Unsupported,
    "RESOURCE_EXHAUSTED": Throttled,
    "UNAUTHENTICATED": Unavailable,  # a token that ended early: the next call has a new one
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
    "ABORTED": Unavailable,
    "CANCELLED": Unavailable,
    "INTERNAL": Unavailable,
    "UNKNOWN": Unavailable,
    "DATA_LOSS": Unavailable,
}

# What differs when Google decrypts: it says so of a ciphertext, or AAD, that is not the key's (cryptoKeys.decrypt).
OF_DECRYPTION: Mapping[str, type[ProviderError]] = {"INVALID_ARGUMENT": CiphertextRejected}

# What differs when the account of an organization is ours to make, and when it is the key's owner's.
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
    """Return what to raise. What is not in a table is Google's trouble, not the tenant's."""
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
    """Return Google's wish: of a RetryInfo (google.rpc), e.g. "1.5s", or of the header."""
    wishes = [str(each.get("retryDelay", "")).removesuffix("s") for each in details]
    wishes.append(answer.headers.get("retry-after", ""))
    seconds = [float(each) for each in wishes if _SECONDS.fullmatch(each)]
    return min(seconds[0], _MAX_RETRY_AFTER_S) if seconds else None


def _code(text: object) -> str:
    """Return a code of Google's, and never a text: a message of ours may quote the one, not the other."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else ""


def _object(each: object) -> Mapping[str, Any]:
    return each if isinstance(each, Mapping) else {}


def _list(each: object) -> list[Any]:
    return each if isinstance(each, list) else []
