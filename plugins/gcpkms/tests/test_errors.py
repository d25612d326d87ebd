"""Each refusal of Google's is the failure that says who has to act, and quotes nothing but codes."""

import pytest
from fake_google.refusals import CODES

from sealring_gcpkms.errors import OF_AN_OWNERS_ACCOUNT, OF_DECRYPTION, OF_OUR_ACCOUNT, STATUSES, refusal
from sealring_plugin import (
    AccessDenied,
    CiphertextRejected,
    ConfigInvalid,
    KeyDestroyed,
    KeyDisabled,
    KeyNotFound,
    KeyPendingDeletion,
    Throttled,
    Unavailable,
    Unsupported,
)
from sealring_plugin.net import Answer

DEK = bytes(range(32))

ROWS = {
    "PERMISSION_DENIED": AccessDenied,
    "NOT_FOUND": KeyNotFound,
    "FAILED_PRECONDITION": KeyDisabled,
    "INVALID_ARGUMENT": Unsupported,
    "UNIMPLEMENTED": Unsupported,
    "RESOURCE_EXHAUSTED": Throttled,
    "UNAUTHENTICATED": Unavailable,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
    "ABORTED": Unavailable,
    "CANCELLED": Unavailable,
    "INTERNAL": Unavailable,
    "UNKNOWN": Unavailable,
    "DATA_LOSS": Unavailable,
    "OUT_OF_RANGE": Unavailable,  # in no table: Google never says it here
}


def test_every_code_of_google_is_tried():
    assert ROWS.keys() == CODES.keys()
    assert STATUSES.keys() == ROWS.keys() - {"OUT_OF_RANGE"}


@pytest.mark.parametrize(("status", "failure"), ROWS.items())
def test_a_status_is_told_by_its_class(google, provider, key, context, call, status, failure):
    with google.refusing(status), pytest.raises(failure) as raised:
        provider.wrap(key, DEK, context, call)

    assert type(raised.value) is failure
    assert str(raised.value) == f"Google answered {CODES[status]} {status}"


@pytest.mark.parametrize(("status", "failure"), {**ROWS, "INVALID_ARGUMENT": CiphertextRejected}.items())
def test_a_status_of_a_decryption_is_told_by_its_class(google, provider, key, context, call, status, failure):
    wrapped = provider.wrap(key, DEK, context, call)

    with google.refusing(status), pytest.raises(failure) as raised:
        provider.unwrap(wrapped, key, context, call)

    assert type(raised.value) is failure
    assert {"INVALID_ARGUMENT": CiphertextRejected} == OF_DECRYPTION


@pytest.mark.parametrize(
    ("violation", "failure"),
    [
        ("KEY_DISABLED", KeyDisabled),
        ("KEY_DESTROY_SCHEDULED", KeyPendingDeletion),
        ("KEY_DESTROYED", KeyDestroyed),
        ("KEY_PENDING_GENERATION", KeyDisabled),
    ],
)
def test_a_violation_says_which_state_the_key_is_in(google, provider, key, context, call, violation, failure):
    with google.refusing("FAILED_PRECONDITION", violation={"type": violation}), pytest.raises(failure) as raised:
        provider.wrap(key, DEK, context, call)

    assert type(raised.value) is failure


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        ("PERMISSION_DENIED", ConfigInvalid),
        ("NOT_FOUND", ConfigInvalid),
        ("FAILED_PRECONDITION", ConfigInvalid),
        ("INVALID_ARGUMENT", ConfigInvalid),
        ("RESOURCE_EXHAUSTED", Throttled),
        ("UNAVAILABLE", Unavailable),
    ],
)
def test_what_is_wrong_with_an_account_of_ours_is_the_operators(google, provider, key, context, call, status, failure):
    with google.refusing(status, on=":generateAccessToken"), pytest.raises(failure) as raised:
        provider.wrap(key, DEK, context, call)

    assert type(raised.value) is failure
    assert OF_OUR_ACCOUNT.keys() == OF_AN_OWNERS_ACCOUNT.keys()


@pytest.mark.parametrize("status", sorted(OF_AN_OWNERS_ACCOUNT))
def test_what_is_wrong_with_an_account_of_the_owners_is_the_owners(
    google, provider, with_options, context, call, status
):
    key = with_options(service_account="vault-vvwmhpalytvmiy4pfev7@acme-keys.iam.gserviceaccount.com")

    with google.refusing(status, on=":generateAccessToken"), pytest.raises(AccessDenied):
        provider.wrap(key, DEK, context, call)


@pytest.mark.parametrize(
    ("retry_delay", "header", "expected"),
    [
        ("1.5s", None, 1.5),
        ("0s", None, 0.0),
        ("", "7", 7.0),
        ("2s", "7", 2.0),
        ("9999s", None, 3600.0),
        ("-1s", None, None),
        ("nans", None, None),
        ("", "Wed, 25 Nov 2026 18:00:00 GMT", None),
        ("", None, None),
    ],
)
def test_when_to_come_back_is_what_google_wishes(retry_delay, header, expected):
    details = b'[{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "%s"}]' % retry_delay.encode()
    body = b'{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": %s}}' % details

    failure = refusal(Answer(429, {"retry-after": header} if header else {}, body))

    assert isinstance(failure, Throttled)
    assert failure.retry_after_s == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"null",
        b"[]",
        b'{"error": null}',
        b'{"error": "PERMISSION_DENIED"}',
        b'{"error": {"status": ["PERMISSION_DENIED"]}}',
        b'{"error": {"status": "permission denied"}}',
        b'{"error": {"status": "UNHEARD_OF", "details": {"a": 1}}}',
        b'{"error": {"status": "FUTURE", "details": [null, 1, "x", {"violations": 7}]}}',
        b"\xff\xfe",
        b"[" * 10_000,
    ],
)
@pytest.mark.parametrize("status", [302, 400, 403, 404, 502])
def test_what_says_nothing_is_unavailable_whatever_its_class_of_http(
    google, provider, key, context, call, status, body
):
    with google.saying(status, body), pytest.raises(Unavailable):
        provider.wrap(key, DEK, context, call)


def test_a_reason_is_quoted_and_a_text_is_not(google, provider, key, context, call):
    with google.refusing("PERMISSION_DENIED", reason="SERVICE_DISABLED"), pytest.raises(AccessDenied) as denied:
        provider.wrap(key, DEK, context, call)
    with (
        google.refusing("PERMISSION_DENIED", reason="a text, in a place for codes"),
        pytest.raises(AccessDenied) as odd,
    ):
        provider.wrap(key, DEK, context, call)

    assert str(denied.value) == "Google answered 403 PERMISSION_DENIED SERVICE_DISABLED"
    assert str(odd.value) == "Google answered 403 PERMISSION_DENIED"
