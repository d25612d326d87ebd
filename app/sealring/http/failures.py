"""The failures that several routes have, for their description in the OpenAPI document."""

from __future__ import annotations

from sealring import errors
from sealring.admission.routes import Failures

EVERY_ROUTE: Failures = (
    errors.MalformedRequest,
    errors.Unauthenticated,
    errors.IssuerUnavailable,
    errors.Forbidden,
    errors.RateLimited,
    errors.TooManyRequests,
    errors.Overloaded,
    errors.IntegrityFailure,
    errors.StoreLost,
    errors.StoreUnavailable,
    errors.StoreFull,  # reads too: they append to the audit log
)
BODY: Failures = (errors.RequestTimeout, errors.PayloadTooLarge, errors.InvalidBody)
CONTEXT: Failures = (*BODY, errors.InvalidKeyContext)
WRITE: Failures = (errors.WriteContention, errors.OutcomeUnknown)
REPEATABLE: Failures = (errors.IdempotencyKeyReused, *WRITE)
KEYS: Failures = (
    errors.KeyAccessDenied,
    errors.KeyDisabled,
    errors.KeyPendingDeletion,
    errors.KeyNotFound,
    errors.KeyMisconfigured,
    errors.KeyDestroyed,
    errors.KeyExhausted,
    errors.KeyThrottled,
    errors.KeyUnavailable,
    errors.KeyDeadlineExceeded,
    errors.PluginFault,
)
