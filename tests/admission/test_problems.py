"""The table of errors is whole: each failure has a row, and each row is the one that the API promises."""

from http import HTTPStatus

import pytest

from sealring import errors
from sealring.admission.problems import (
    FRAMEWORK_CODES,
    FRAMEWORK_MESSAGES,
    PROBLEMS,
    param_of,
    problem_body,
    problem_headers,
    rate_headers,
)

PROMISED = {
    "MalformedRequest": (400, "malformed_request"),
    "CiphertextRejected": (400, "ciphertext_rejected"),
    "EnvelopeRejected": (400, "envelope_rejected"),
    "Unauthenticated": (401, "unauthenticated"),
    "IssuerUnavailable": (503, "issuer_unavailable"),
    "Forbidden": (403, "forbidden"),
    "RateLimited": (429, "rate_limited"),
    "TooManyRequests": (429, "too_many_requests"),
    "Overloaded": (503, "overloaded"),
    "QuotaExceeded": (422, "quota_exceeded"),
    "NotFound": (404, "not_found"),
    "RequestTimeout": (408, "request_timeout"),
    "NameTaken": (409, "name_taken"),
    "VersionConflict": (409, "version_conflict"),
    "BindingConflict": (409, "binding_conflict"),
    "AmbiguousName": (409, "ambiguous_name"),
    "KeyDestroyed": (410, "key_destroyed"),
    "KeyExhausted": (500, "key_exhausted"),
    "PayloadTooLarge": (413, "payload_too_large"),
    "IdempotencyKeyReused": (422, "idempotency_key_reused"),
    "InvalidBody": (422, "invalid_body"),
    "InvalidKeyContext": (422, "invalid_key_context"),
    "KeyContextFixed": (422, "key_context_fixed"),
    "KeyAccessDenied": (424, "cmk_access_denied"),
    "KeyDisabled": (424, "cmk_disabled"),
    "KeyPendingDeletion": (424, "cmk_pending_deletion"),
    "KeyNotFound": (424, "cmk_not_found"),
    "KeyMisconfigured": (424, "cmk_misconfigured"),
    "KeyThrottled": (429, "kms_throttled"),
    "IntegrityFailure": (500, "integrity_failure"),
    "PluginFault": (500, "plugin_fault"),
    "KeyUnavailable": (503, "kms_unavailable"),
    "KeyDeadlineExceeded": (503, "kms_deadline"),
    "WriteContention": (503, "write_contention"),
    "OutcomeUnknown": (503, "outcome_unknown"),
    "NotReached": (503, "not_reached"),
    "StoreLost": (503, "store_lost"),
    "StoreUnavailable": (503, "store_unavailable"),
    "StoreFull": (507, "store_full"),
}


def tree(root):
    return {root}.union(*(tree(each) for each in root.__subclasses__()))


ALL = {each for each in tree(errors.SealringError) if each.__module__ == "sealring.errors"}


BASES = {each for each in ALL if (each.__doc__ or "").startswith("Base of")}
OF_THE_COMMAND_LINE = {
    errors.SettingsInvalid,
    errors.BackupRefused,
    errors.ChangeRefused,
}


def test_every_failure_but_those_of_the_command_line_has_a_row():
    assert set(PROBLEMS) == ALL - BASES - OF_THE_COMMAND_LINE


def test_what_ends_in_error_is_a_base():
    assert {each for each in ALL if each.__name__.endswith("Error")} <= BASES


def test_every_leaf_of_the_tree_has_a_row():
    leaves = {each for each in ALL if not each.__subclasses__()}

    assert leaves - OF_THE_COMMAND_LINE <= set(PROBLEMS)


def test_no_base_has_a_row():
    assert BASES & set(PROBLEMS) == set()


def test_every_row_is_the_promised_one():
    assert {each.__name__: tuple(problem[:2]) for each, problem in PROBLEMS.items()} == PROMISED


def test_no_two_failures_have_one_code():
    codes = [problem.code for problem in PROBLEMS.values()]

    assert len(codes) == len(set(codes))


def test_a_customers_key_that_cannot_be_used_is_not_retried_by_an_sdk():
    owners = ["KeyAccessDenied", "KeyDisabled", "KeyPendingDeletion", "KeyNotFound", "KeyMisconfigured", "KeyDestroyed"]

    assert {PROBLEMS[getattr(errors, name)].status for name in owners} == {424, 410}


def test_the_precondition_status_is_never_used():
    assert 412 not in {problem.status for problem in PROBLEMS.values()} | set(FRAMEWORK_CODES)


def test_every_status_has_a_phrase():
    assert {HTTPStatus(problem.status).phrase for problem in PROBLEMS.values()}


def test_everything_that_the_framework_emits_has_a_code_and_a_message():
    assert set(FRAMEWORK_CODES) == {400, 404, 405, 413, 415, 429, 500, 503}
    assert set(FRAMEWORK_MESSAGES) == set(FRAMEWORK_CODES)


def test_an_error_says_everything_twice_for_sdks_that_read_one_of_them():
    body = problem_body("a_code", "A message.", "an-id")

    assert body == {
        "error": "A message.",
        "message": "A message.",
        "code": "a_code",
        "request_id": "an-id",
        "doc_url": "/docs/errors#a_code",
    }


def test_an_error_names_what_is_refused():
    assert problem_body("a_code", "A message.", "an-id", param="limit")["param"] == "limit"


@pytest.mark.parametrize(
    ("failure", "param"),
    [
        (errors.InvalidBody("Wrong.", [("value", "no"), ("name", "no")]), "value"),
        (errors.InvalidBody("Wrong."), None),
        (errors.KeyContextFixed("Fixed."), "key_context"),
        (errors.MalformedRequest("Wrong.", "limit"), "limit"),
        (errors.MalformedRequest("Wrong."), None),
        (errors.VersionConflict(), "version_check"),
        (errors.NameTaken(), "name"),
        (errors.IdempotencyKeyReused(), "Idempotency-Key"),
        (errors.NotFound(), None),
    ],
)
def test_what_is_refused_is_the_first_of_what_is_wrong(failure, param):
    assert param_of(failure) == param


def test_an_error_lists_its_violations():
    body = problem_body("a_code", "A message.", "an-id", [("a field", "A violation.")])

    assert body == {
        "error": "A message.",
        "message": "A message.",
        "code": "a_code",
        "request_id": "an-id",
        "doc_url": "/docs/errors#a_code",
        "errors": [{"code": "a_code", "field": "a field", "message": "A violation."}],
    }


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (400, []),
        (401, [("WWW-Authenticate", "Bearer")]),
        (429, [("Retry-After", "1")]),
        (500, []),
        (503, [("Retry-After", "1")]),
        (507, []),
    ],
)
def test_an_error_says_what_to_send_and_when_to_come_again(status, headers):
    assert problem_headers(status) == headers


@pytest.mark.parametrize(("asked", "told"), [(None, "1"), (0.2, "1"), (7, "7"), (7.1, "8"), (86_400, "60")])
def test_the_time_that_a_provider_asks_for_is_passed_on_up_to_a_minute(asked, told):
    assert problem_headers(429, asked) == [("Retry-After", told)]


@pytest.mark.parametrize(("wait_s", "told"), [(0.2, "1"), (7.1, "8"), (86_400, "60")])
def test_a_rate_tells_its_policy_and_the_time_of_retry_after(wait_s, told):
    refusal = errors.RateLimited("organization", quota=20, window_s=2, retry_after_s=wait_s)

    assert problem_headers(429, refusal.retry_after_s) == [("Retry-After", told)]
    assert rate_headers(refusal) == [
        ("RateLimit-Policy", '"organization";q=20;w=2'),
        ("RateLimit", f'"organization";r=0;t={told}'),
    ]
