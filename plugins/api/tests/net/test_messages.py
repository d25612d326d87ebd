"""A request is one message and nothing more; nothing of it, or of its answer, is shown."""

import pytest

from sealring_plugin.net import Answer, Endpoint, Request

KMS = Endpoint("https", "kms.test", 8443)


def test_a_request_is_written_as_one_message():
    request = Request("POST", KMS, "/v1/keys?x=1", {"Authorization": "Bearer t"}, b'{"a":1}')

    assert request.encoded() == (
        b"POST /v1/keys?x=1 HTTP/1.1\r\n"
        b"host: kms.test:8443\r\n"
        b"accept-encoding: identity\r\n"
        b"authorization: Bearer t\r\n"
        b"content-length: 7\r\n"
        b"\r\n"
        b'{"a":1}'
    )


def test_a_request_without_a_body_says_so_unless_it_is_a_get():
    assert b"content-length" not in Request("GET", KMS, "/").encoded()
    assert b"\r\ncontent-length: 0\r\n" in Request("POST", KMS, "/").encoded()


def test_the_host_of_a_request_may_be_another_than_that_of_the_endpoint():
    encoded = Request("GET", KMS, "/", {"Host": "acme.vault.azure.net"}).encoded()

    assert encoded.count(b"host: ") == 1
    assert b"\r\nhost: acme.vault.azure.net\r\n" in encoded


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection"])
def test_the_end_of_a_request_is_not_the_callers_to_say(name):
    encoded = Request("POST", KMS, "/", {name: "99"}, b"{}").encoded()

    assert b"99" not in encoded
    assert encoded.endswith(b"content-length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/secret HTTP/1.1\r\nx: y", {}),
        ("POST", "/secret key", {}),
        ("POST", "/secret\N{LATIN SMALL LETTER E WITH ACUTE}", {}),
        ("POST", "secret", {}),
        ("POST", "", {}),
        ("POST", "https://secret/", {}),
        ("HEAD", "/secret", {}),
        ("CONNECT", "/secret", {}),
        ("post", "/secret", {}),
        ("GET /secret HTTP/1.1\r\n", "/", {}),
        ("POST", "/", {"authorization": "Bearer secret\r\nx: y"}),
        ("POST", "/", {"authorization": "Bearer secret\n"}),
        ("POST", "/", {"authorization": "secret\0"}),
        ("POST", "/", {"authorization": "secret\N{EM DASH}"}),
        ("POST", "/", {"secret name": "x"}),
        ("POST", "/", {"secret:": "x"}),
        ("POST", "/", {"": "secret"}),
    ],
)
def test_what_would_be_more_than_one_message_is_refused_and_not_quoted(method, path, headers):
    with pytest.raises(ValueError) as raised:
        Request(method, KMS, path, headers).encoded()

    assert "secret" not in str(raised.value)


def test_nothing_of_a_request_or_an_answer_is_shown():
    request = Request("POST", KMS, "/keys", {"authorization": "Bearer secret"}, b"secret")
    answer = Answer(200, {"x": "secret"}, b"secret")

    assert "secret" not in repr(request) + repr(answer)


@pytest.mark.parametrize("content", [b"", b"x", b"[]", b"null", b"\xff", b"[" * 60_000])
def test_an_answer_that_is_no_object_is_an_empty_one(content):
    assert Answer(200, {}, content).document() == {}


def test_an_answer_may_be_an_object():
    assert Answer(200, {}, b'{"a": 1}').document() == {"a": 1}


@pytest.mark.parametrize("host", ["k\xe9y.example", "kms.test\r\nx-evil: 1", "a b", "kms.test\x0b"])
def test_a_host_that_would_end_its_header_early_is_refused_and_not_quoted(host):
    request = Request("GET", Endpoint("https", host, 443), "/", {"authorization": "Bearer S3CRET"})

    with pytest.raises(ValueError, match=r"^the host of a request is malformed$"):
        request.encoded()
