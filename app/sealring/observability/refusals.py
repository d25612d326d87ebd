"""Counts refusals by what the caller ran into: a rule about tokens, or a limit."""

from __future__ import annotations

from sealring.errors import (
    Forbidden,
    IssuerUnavailable,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    SealringError,
    TooManyRequests,
    Unauthenticated,
)
from sealring.observability import metrics


def count(error: SealringError) -> None:
    """Count an error that answers a request, if it is a refusal."""
    match error:
        case Unauthenticated():
            metrics.AUTH.of(outcome="refused", reason=error.reason).add()
        case IssuerUnavailable():
            metrics.AUTH.of(outcome="unavailable", reason="issuer").add()
        case Forbidden():
            metrics.AUTH.of(outcome="denied", reason="forbidden").add()
        case RateLimited():
            metrics.REFUSED.of(reason=error.whose).add()
        case TooManyRequests():
            metrics.REFUSED.of(reason="share").add()
        case Overloaded():
            metrics.REFUSED.of(reason="overloaded").add()
        case QuotaExceeded():
            metrics.REFUSED.of(reason="quota").add()
