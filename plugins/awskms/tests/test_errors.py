"""Each code of AWS means what it says, over the wire."""

import pytest

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
)

DEK = bytes(range(32))

# The codes are those of the service models; the rows of the design's table for AWS are all here.
ROWS = [
    ("DisabledException", 400, KeyDisabled),
    ("KMSInvalidStateException", 400, KeyPendingDeletion),
    ("AccessDeniedException", 400, AccessDenied),
    ("NotFoundException", 400, KeyNotFound),
    ("InvalidCiphertextException", 400, CiphertextRejected),
    ("IncorrectKeyException", 400, CiphertextRejected),
    ("ThrottlingException", 400, Throttled),
    ("LimitExceededException", 400, Throttled),
    ("RequestLimitExceeded", 503, Throttled),
    ("TooManyRequestsException", 429, Throttled),
    ("KMSInternalException", 500, Unavailable),
    ("DependencyTimeoutException", 500, Unavailable),
    ("KeyUnavailableException", 500, Unavailable),
    ("InvalidKeyUsageException", 400, Unsupported),
    ("UnsupportedOperationException", 400, Unsupported),
    ("ValidationException", 400, Unsupported),
    ("InvalidArnException", 400, KeyNotFound),
    ("OptInRequired", 403, ConfigInvalid),
    ("UnrecognizedClientException", 400, ConfigInvalid),
    ("InvalidSignatureException", 400, ConfigInvalid),
    ("MissingAuthenticationTokenException", 400, ConfigInvalid),
    ("ExpiredTokenException", 400, Unavailable),
    ("com.amazonaws.kms#DisabledException", 400, KeyDisabled),
    ("SomethingNewException", 400, Unavailable),
    ("SomethingNewException", 429, Throttled),
    ("", 500, Unavailable),
    ("no code: a text of AWS", 400, Unavailable),
]


def raised_by(use):
    with pytest.raises(ProviderError) as raised:
        use()
    return raised.value


@pytest.mark.parametrize(("code", "status", "failure"), ROWS)
def test_a_code_is_told_as_what_it_means(provider, proxy, key, context, call, code, status, failure):
    wrapped = provider.wrap(key, DEK, context, call())

    with proxy.answering(code, status):
        errors = [
            raised_by(lambda: provider.wrap(key, DEK, context, call())),
            raised_by(lambda: provider.unwrap(wrapped, key, context, call())),
            raised_by(lambda: provider.describe(key, call())),
        ]

    assert [type(error) for error in errors] == [failure] * 3
    assert provider.unwrap(wrapped, key, context, call()) == DEK


def test_a_message_has_the_code_and_the_request_and_no_text_of_aws(provider, proxy, key, context, call):
    with proxy.answering("AccessDeniedException"):
        error = raised_by(lambda: provider.wrap(key, DEK, context, call()))

    assert str(error) == "AWS does not let us do this (AccessDeniedException, request r-1)"
    assert error.request_id == "r-1"
    assert error.__context__ is None


def test_a_code_that_is_a_text_is_not_quoted(provider, proxy, key, context, call):
    with proxy.answering("no code: a text of AWS"):
        error = raised_by(lambda: provider.wrap(key, DEK, context, call()))

    assert str(error) == "AWS cannot answer now (unknown, request r-1)"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {}, b"<html>not JSON"),
        (200, {}, b""),
        (200, {}, b"{}"),
        (200, {}, b'{"KeyId": "arn:another", "CiphertextBlob": "AAAA"}'),
        (200, {}, b'{"CiphertextBlob": "not base64!"}'),
        (200, {}, b"[]"),
        (200, {}, b"null"),
        (200, {}, b'{"KeyId": [], "CiphertextBlob": 5}'),
        (200, {}, b"x" * 70_000),
        (502, {"content-type": "text/html"}, b"<html>Bad Gateway</html>"),
        (301, {"location": "/elsewhere"}, b""),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failure_that_the_contract_knows(
    provider, proxy, key, context, call, status, headers, body
):
    with proxy.answering_with(status, headers, body):
        error = raised_by(lambda: provider.wrap(key, DEK, context, call()))

    assert type(error) in {Unavailable, CiphertextRejected}
    assert error.__context__ is None


def test_a_call_is_made_at_most_once(provider, proxy, key, context, call):
    for code, status in [("ThrottlingException", 400), ("KMSInternalException", 500), ("ExpiredTokenException", 400)]:
        before = len(proxy.seen)
        with proxy.answering(code, status):
            raised_by(lambda: provider.wrap(key, DEK, context, call()))
        assert len(proxy.seen) == before + 1
