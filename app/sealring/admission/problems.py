"""Errors on the wire: the table of every failure's status and code, in one shape for all."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

from sealring import errors

RETRY_AFTER_S = 1  # unless a limit, or the provider of a key, asks for more
MAX_RETRY_AFTER_S = 60  # some SDKs sleep as long as the header says

ERRORS_PAGE = "/docs/errors"  # the path of a page with an anchor for each code


class Problem(NamedTuple):
    status: int
    code: str
    param: str | None = None  # the field, parameter or header that is refused, if it is always the same


PROBLEMS: Mapping[type[errors.SealringError], Problem] = {
    errors.MalformedRequest: Problem(400, "malformed_request"),
    errors.EnvelopeRejected: Problem(400, "envelope_rejected"),
    errors.CiphertextRejected: Problem(400, "ciphertext_rejected"),
    errors.Unauthenticated: Problem(401, "unauthenticated"),
    errors.IssuerUnavailable: Problem(503, "issuer_unavailable"),
    errors.Forbidden: Problem(403, "forbidden"),
    errors.RateLimited: Problem(429, "rate_limited"),
    errors.TooManyRequests: Problem(429, "too_many_requests"),
    errors.Overloaded: Problem(503, "overloaded"),
    errors.NotReached: Problem(503, "not_reached"),
    errors.QuotaExceeded: Problem(422, "quota_exceeded"),
    errors.NotFound: Problem(404, "not_found"),
    errors.RequestTimeout: Problem(408, "request_timeout"),
    errors.NameTaken: Problem(409, "name_taken", "name"),
    errors.VersionConflict: Problem(409, "version_conflict", "version_check"),
    errors.BindingConflict: Problem(409, "binding_conflict"),
    errors.AmbiguousName: Problem(409, "ambiguous_name", "organization_id"),
    errors.PayloadTooLarge: Problem(413, "payload_too_large"),
    errors.IdempotencyKeyReused: Problem(422, "idempotency_key_reused", "Idempotency-Key"),
    errors.InvalidBody: Problem(422, "invalid_body"),
    errors.InvalidKeyContext: Problem(422, "invalid_key_context"),
    errors.KeyContextFixed: Problem(422, "key_context_fixed", "key_context"),
    errors.KeyAccessDenied: Problem(424, "cmk_access_denied"),
    errors.KeyDisabled: Problem(424, "cmk_disabled"),
    errors.KeyPendingDeletion: Problem(424, "cmk_pending_deletion"),
    errors.KeyNotFound: Problem(424, "cmk_not_found"),
    errors.KeyMisconfigured: Problem(424, "cmk_misconfigured"),
    errors.KeyDestroyed: Problem(410, "key_destroyed"),
    errors.KeyExhausted: Problem(500, "key_exhausted"),
    errors.KeyThrottled: Problem(429, "kms_throttled"),
    errors.KeyUnavailable: Problem(503, "kms_unavailable"),
    errors.KeyDeadlineExceeded: Problem(503, "kms_deadline"),
    errors.PluginFault: Problem(500, "plugin_fault"),
    errors.IntegrityFailure: Problem(500, "integrity_failure"),
    errors.WriteContention: Problem(503, "write_contention"),
    errors.OutcomeUnknown: Problem(503, "outcome_unknown"),
    errors.StoreLost: Problem(503, "store_lost"),
    errors.StoreUnavailable: Problem(503, "store_unavailable"),
    errors.StoreFull: Problem(507, "store_full"),
}

# Refusals before a view is found.
FRAMEWORK_MESSAGES: Mapping[int, str] = {
    400: "The request cannot be read.",
    404: "No such route. See /docs for those that exist.",
    405: "This route does not take that method. See /docs for those that it takes.",
    413: "The body is too large. Send a smaller one.",
    415: "Send the body as JSON, with Content-Type: application/json.",
    429: "Too many requests. Try again later.",
    500: "Something went wrong on our side. Tell the operator, with the request id.",
    503: "Not available now. Try again later.",
}
FRAMEWORK_CODES: Mapping[int, str] = {
    400: "malformed_request",
    404: "route_not_found",
    405: "method_not_allowed",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}

# Refusals of what is no request, or of its connection.
UNREADABLE: Mapping[int, tuple[str, str]] = {
    400: ("malformed_request", "The request cannot be read."),
    408: ("request_timeout", "The request did not arrive in time. Send it again, faster."),
    414: ("uri_too_long", "The request line is too long. Send a shorter path or query."),
    417: ("expectation_failed", "The Expect header is refused. Leave it out."),
    431: ("headers_too_large", "The headers are too large or too many. Send fewer."),
    500: ("internal_error", "Something went wrong on our side. Tell the operator, with the request id."),
    503: ("too_many_connections", "Too many connections are open. Try again later."),
    501: ("not_implemented", "The transfer coding is not known. Send chunked, or a Content-Length."),
}


def problem_body(
    code: str, message: str, request_id: str, violations: errors.Violations = (), param: str | None = None
) -> dict[str, object]:
    """Return the body of an error. `error` and `message` are the same text: some SDKs read only one of them.

    `errors` is there only if there are violations: the Node SDK uses it as the message, even if it is empty. `doc_url`
    is relative to the request's URL, as RFC 9457 section 3.1.1 has it.
    """
    body: dict[str, object] = {
        "error": message,
        "message": message,
        "code": code,
        "request_id": request_id,
        "doc_url": f"{ERRORS_PAGE}#{code}",
    }
    if param is not None:
        body["param"] = param
    if violations:
        body["errors"] = [{"code": code, "field": field, "message": text} for field, text in violations]
    return body


def param_of(error: errors.SealringError) -> str | None:
    """Return the name of what is refused: the first field of a body, a query parameter or a header; never its value."""
    if isinstance(error, errors.InvalidBody) and error.violations:
        return error.violations[0][0]
    if isinstance(error, errors.MalformedRequest):
        return error.param
    return PROBLEMS[type(error)].param


def problem_headers(status: int, retry_after_s: float | None = None) -> list[tuple[str, str]]:
    """Return the headers of an error with this status; `retry_after_s` is the pause that a limit asks for."""
    if status == 401:
        return [("WWW-Authenticate", "Bearer")]
    if status not in {429, 503}:
        return []
    return [("Retry-After", str(_pause_s(retry_after_s)))]


def rate_headers(error: errors.RateLimited) -> list[tuple[str, str]]:
    """Return the fields of draft-ietf-httpapi-ratelimit-headers-10: a List of Strings with parameters (RFC 9651).

    They describe this worker's bucket that is empty. `t` is the time of Retry-After, as section 5 of the draft asks.
    """
    return [
        ("RateLimit-Policy", f'"{error.whose}";q={error.quota};w={error.window_s}'),
        ("RateLimit", f'"{error.whose}";r=0;t={_pause_s(error.retry_after_s)}'),
    ]


def _pause_s(wanted_s: float | None) -> int:
    return min(max(ceil(wanted_s or 0), RETRY_AFTER_S), MAX_RETRY_AFTER_S)
