"""What the codes of KMS and STS mean: one table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

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
    WrongRegion,
)

EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken"})
REFUSED = frozenset(
    {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

_DENIED = (AccessDenied, "AWS does not let us do this")
_THROTTLED = (Throttled, "AWS limits the rate")
_OTHERWISE = (Unavailable, "AWS cannot answer now")

# What our own credentials are refused for is the operator's, what a key or a role is refused for its owner's.
# The errors of Encrypt, Decrypt, ReEncrypt, DescribeKey and GetKeyRotationStatus (KMS API Reference), of AssumeRole
# (STS API Reference), and those that every service has ("Common errors" there).
MEANINGS: Mapping[str, tuple[type[ProviderError], str]] = {
    "AccessDeniedException": _DENIED,
    "AccessDenied": _DENIED,
    "NotAuthorized": _DENIED,
    "DisabledException": (KeyDisabled, "the key is disabled"),
    "KMSInvalidStateException": (KeyPendingDeletion, "the key is to be deleted, or cannot be used for now"),
    "NotFoundException": (KeyNotFound, "AWS knows no such key"),
    "InvalidArnException": (KeyNotFound, "AWS does not take the key's ARN"),
    "InvalidCiphertextException": (CiphertextRejected, "does not open under this key and context"),
    "IncorrectKeyException": (CiphertextRejected, "was made under another key"),
    "InvalidKeyUsageException": (Unsupported, "the key is not one for encryption"),
    "UnsupportedOperationException": (Unsupported, "the key cannot do this"),
    "ValidationException": (Unsupported, "AWS does not take the request; do the shown pairs exceed its limits?"),
    "ValidationError": (AccessDenied, "STS does not take the role; check role_arn"),
    "ThrottlingException": _THROTTLED,
    "Throttling": _THROTTLED,
    "LimitExceededException": _THROTTLED,
    "RequestLimitExceeded": _THROTTLED,
    "TooManyRequestsException": _THROTTLED,
    "KMSInternalException": _OTHERWISE,
    "DependencyTimeoutException": _OTHERWISE,
    "KeyUnavailableException": _OTHERWISE,
    "OptInRequired": (ConfigInvalid, "our AWS account does not have this region"),
    "RegionDisabledException": (WrongRegion, "STS is not activated in this region for the role's account"),
    **dict.fromkeys(EXPIRED, (Unavailable, "our credentials have expired; new ones are fetched")),
    **dict.fromkeys(REFUSED, (ConfigInvalid, "AWS does not take our credentials; check them, and the clock")),
}

_PLAIN = re.compile(r"[A-Za-z0-9.-]{1,64}")


def code_of(response: Mapping[str, Any]) -> str:
    """Return the code of an answer of AWS, or "unknown" where it is none: it may come to stand in a message."""
    code = response.get("Error", {}).get("Code")
    return code if isinstance(code, str) and _PLAIN.fullmatch(code) else "unknown"


def failure(response: Mapping[str, Any]) -> ProviderError:
    """Return what to raise. A code that is not in the table is AWS's trouble, not the tenant's."""
    told = response.get("ResponseMetadata", {})
    code, request = code_of(response), told.get("RequestId")
    otherwise = _THROTTLED if told.get("HTTPStatusCode") == 429 else _OTHERWISE
    kind, message = MEANINGS.get(code, otherwise)
    named = request if isinstance(request, str) and _PLAIN.fullmatch(request) else ""
    error = kind(f"{message} ({code}{f', request {named}' if named else ''})")
    error.request_id = named
    return error
