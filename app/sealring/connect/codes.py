"""The codes of Connect, and the one of each failure (https://connectrpc.com/docs/protocol, "Error Codes")."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from sealring import errors


class Code(Enum):
    """A code and the status that it is sent with."""

    UNKNOWN = "unknown", 500
    INVALID_ARGUMENT = "invalid_argument", 400
    DEADLINE_EXCEEDED = "deadline_exceeded", 504
    NOT_FOUND = "not_found", 404
    ALREADY_EXISTS = "already_exists", 409
    PERMISSION_DENIED = "permission_denied", 403
    RESOURCE_EXHAUSTED = "resource_exhausted", 429
    FAILED_PRECONDITION = "failed_precondition", 400
    ABORTED = "aborted", 409
    UNIMPLEMENTED = "unimplemented", 501
    INTERNAL = "internal", 500
    UNAVAILABLE = "unavailable", 503
    DATA_LOSS = "data_loss", 500
    UNAUTHENTICATED = "unauthenticated", 401

    def __init__(self, text: str, status: int) -> None:
        self.text = text
        self.status = status


# A key that cannot be used as it is: a repetition without a change elsewhere does not help.
_UNUSABLE = Code.FAILED_PRECONDITION

CODES: Mapping[type[errors.SealringError], Code] = {
    errors.MalformedRequest: Code.INVALID_ARGUMENT,
    errors.EnvelopeRejected: Code.INVALID_ARGUMENT,
    errors.CiphertextRejected: Code.INVALID_ARGUMENT,
    errors.Unauthenticated: Code.UNAUTHENTICATED,
    errors.IssuerUnavailable: Code.UNAVAILABLE,
    errors.Forbidden: Code.PERMISSION_DENIED,
    errors.RateLimited: Code.RESOURCE_EXHAUSTED,
    errors.TooManyRequests: Code.RESOURCE_EXHAUSTED,
    errors.Overloaded: Code.UNAVAILABLE,
    errors.QuotaExceeded: Code.RESOURCE_EXHAUSTED,
    errors.NotFound: Code.NOT_FOUND,
    errors.RequestTimeout: Code.DEADLINE_EXCEEDED,
    errors.NameTaken: Code.ALREADY_EXISTS,
    errors.VersionConflict: Code.ABORTED,
    errors.BindingConflict: Code.FAILED_PRECONDITION,
    errors.AmbiguousName: Code.FAILED_PRECONDITION,
    errors.PayloadTooLarge: Code.RESOURCE_EXHAUSTED,
    errors.IdempotencyKeyReused: Code.INVALID_ARGUMENT,
    errors.InvalidBody: Code.INVALID_ARGUMENT,
    errors.InvalidKeyContext: Code.INVALID_ARGUMENT,
    errors.KeyContextFixed: Code.INVALID_ARGUMENT,
    errors.KeyAccessDenied: _UNUSABLE,
    errors.KeyDisabled: _UNUSABLE,
    errors.KeyPendingDeletion: _UNUSABLE,
    errors.KeyNotFound: _UNUSABLE,
    errors.KeyMisconfigured: _UNUSABLE,
    errors.KeyDestroyed: _UNUSABLE,
    errors.KeyExhausted: Code.INTERNAL,
    errors.KeyThrottled: Code.RESOURCE_EXHAUSTED,
    errors.KeyUnavailable: Code.UNAVAILABLE,
    errors.KeyDeadlineExceeded: Code.UNAVAILABLE,
    errors.PluginFault: Code.INTERNAL,
    errors.IntegrityFailure: Code.DATA_LOSS,
    errors.WriteContention: Code.UNAVAILABLE,
    errors.OutcomeUnknown: Code.UNAVAILABLE,
    errors.NotReached: Code.UNAVAILABLE,
    errors.StoreLost: Code.UNAVAILABLE,
    errors.StoreUnavailable: Code.UNAVAILABLE,
    errors.StoreFull: Code.RESOURCE_EXHAUSTED,
}
