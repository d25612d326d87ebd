"""The meaning of the KMS's error codes, in one table."""

from __future__ import annotations

from collections.abc import Mapping

from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    ProviderError,
    Throttled,
    Unavailable,
    Unsupported,
)

CODES: Mapping[str, type[ProviderError]] = {
    "ACCESS_DENIED": AccessDenied,
    "KEY_DISABLED": KeyDisabled,
    "KEY_PENDING_DELETION": KeyPendingDeletion,
    "KEY_DESTROYED": KeyDestroyed,
    "KEY_NOT_FOUND": KeyNotFound,
    "INVALID_CIPHERTEXT": CiphertextRejected,
    "WRONG_KEY_TYPE": Unsupported,
    "THROTTLED": Throttled,
    "UNAVAILABLE": Unavailable,
}


def failure(status: int, code: str) -> ProviderError:
    """Return what to raise. A code that is not in the table is a fault of the KMS, not of the tenant."""
    return CODES.get(code, Unavailable)(f"the KMS answered {status}")
