"""Requests of the commands of users: to one host, within a time, and repeated only if that is safe."""

import ssl
import time

import pytest

from sealring.client import exchange
from sealring.client.access import Access
from sealring.client.exchange import Exchange, segment, text_of
from sealring.client.failures import AccessInvalid, InputRefused, RequestRefused, ServerUnusable
from support.scripted import HANG, answered, scripted
from support.tls import PrivateCa

OK = answered(200, '{"a": "b"}')
REFUSED = answered(
    403,
    '{"error": "No.", "message": "No.", "code": "forbidden", "request_id": "r", "doc_url": "/docs/errors#forbidden"}',
)
BUSY = answered(503, '{"message": "Busy.", "code": "overloaded", "request_id": "r"}', "Retry-After: 7")


class Waits(list):
    def __call__(self, seconds):
        self.append(seconds)


def asking(server, waits=None):
    return Exchange(Access.of(server.url, "a-token", allow_http=False), sleep=waits if waits is not None else Waits())


def keys(server):
    return [line for request in server.requests for line in request.split("\r\n") if line.startswith("idempotency-key")]


def test_an_answer_is_its_object():
    with scripted(OK) as server:
        assert asking(server).ask("GET", "/path", {"name": "a b&c/\u00e9", "none": None}) == {"a": "b"}

    head = server.requests[0].split("\r\n")
    assert head[0] == "GET /path?name=a%20b%26c%2F%C3%A9 HTTP/1.1"
    assert "authorization: Bearer a-token" in head
    assert keys(server) == []


def test_a_body_is_sent_as_utf_8():
    with scripted(OK) as server:
        asking(server).ask("POST", "/path", body={"value": "\u00e9\0\U0001f511"})

    assert server.requests[0].endswith('\r\n\r\n{"value": "\u00e9\\u0000\U0001f511"}')


def test_a_refusal_is_what_the_server_says():
    with scripted(REFUSED) as server, pytest.raises(RequestRefused, match=r"^No\. \(403 forbidden, request id r\)$"):
        asking(server).ask("GET", "/")


def test_a_write_whose_answer_is_lost_is_sent_again_under_one_key():
    waits = Waits()
    with scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", BUSY, OK) as server:
        assert asking(server, waits).ask("PUT", "/", body={}) == {"a": "b"}

    assert len(keys(server)) == 3
    assert len(set(keys(server))) == 1
    assert waits == [0.2, 7.0]


def test_two_writes_have_two_keys():
    with scripted(OK, OK) as server:
        both = asking(server)
        both.ask("DELETE", "/")
        both.ask("DELETE", "/")

    assert len(set(keys(server))) == 2


def test_a_refusal_is_not_sent_again():
    with scripted(REFUSED, OK) as server, pytest.raises(RequestRefused):
        asking(server).ask("PUT", "/", body={})

    assert len(server.requests) == 1


def test_a_server_that_stays_away_is_given_up():
    with scripted() as server:
        pass

    with pytest.raises(ServerUnusable, match=r"no answer of http://127.0.0.1:\d+: .*cannot be reached"):
        asking(server).ask("GET", "/")


def test_a_write_without_an_answer_is_said_to_be_open():
    with scripted(b"", b"", b"") as server, pytest.raises(ServerUnusable, match="the change may have been made"):
        asking(server).ask("POST", "/", body={})


def test_a_server_that_is_slow_is_not_asked_again(monkeypatch):
    monkeypatch.setattr(exchange, "ATTEMPT_S", 0.2)
    began = time.monotonic()

    with scripted(HANG, OK) as server, pytest.raises(ServerUnusable, match="did not answer in time"):
        asking(server).ask("GET", "/")

    assert len(server.requests) == 1
    assert time.monotonic() - began < 10


def test_a_command_ends_in_time(monkeypatch):
    monkeypatch.setattr(exchange, "COMMAND_S", 0.0)

    with scripted(OK) as server, pytest.raises(ServerUnusable, match="in time|no time"):
        asking(server).ask("GET", "/")


def test_a_redirection_is_not_followed():
    with scripted(OK) as other:
        moved = answered(307, "", f"Location: {other.url}/path")
        with (
            scripted(moved) as server,
            pytest.raises(ServerUnusable, match=r"redirection \(307\), which is not followed"),
        ):
            asking(server).ask("GET", "/path")

    assert other.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        answered(200, "<html>"),
        answered(200, "[]"),
        answered(200, "{}"),
        answered(200, "[" * 100_000),
        answered(404, "<html>"),
        answered(404, '{"message": 1, "code": 2, "request_id": 3}'),
        answered(502, ""),
    ],
)
def test_what_is_no_server_of_ours_is_said(answer):
    with scripted(answer) as server, pytest.raises(ServerUnusable, match="not a sealring server"):
        asking(server).ask("GET", "/")


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n{}"],
)
def test_an_answer_without_an_end_or_too_large_is_refused(answer):
    with scripted(answer, answer, answer) as server, pytest.raises(ServerUnusable, match="cannot be used"):
        asking(server).ask("GET", "/")


def test_the_largest_value_fits_into_an_answer():
    body = '{"value": "%s"}' % ("\\u0001" * (1 << 20))
    with scripted(answered(200, body)) as server:
        assert asking(server).ask("GET", "/")["value"] == "\x01" * (1 << 20)


@pytest.mark.parametrize("member", [None, 1, "a\ud800"])
def test_a_member_that_is_no_text_is_refused(member):
    with pytest.raises(ServerUnusable):
        text_of({"value": member}, "value")


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("two words", "two%20words"),
        ("\U0001f511", "%F0%9F%94%91"),
        ("a?b#c", "a%3Fb%23c"),
    ],
)
def test_a_name_is_one_segment(name, sent):
    assert segment(name) == sent


@pytest.mark.parametrize("name", ["", ".", "..", "\udcff"])
def test_what_is_no_segment_is_refused(name):
    with pytest.raises(InputRefused):
        segment(name)


def test_a_file_without_certificates_is_said(tmp_path):
    with pytest.raises(AccessInvalid, match="ca_file"):
        Exchange(Access.of("https://host", "a-token", allow_http=False), tmp_path / "none")


# --- TLS


@pytest.fixture
def authority(tmp_path):
    return PrivateCa(tmp_path)


def certified(authority, address="127.0.0.1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", address))
    return context


def test_a_server_is_trusted_by_the_authorities_that_are_named(authority):
    with scripted(OK, tls=certified(authority)) as server:
        access = Access.of(server.url, "a-token", allow_http=False)

        assert Exchange(access, authority.file).ask("GET", "/") == {"a": "b"}


def test_a_server_of_an_unknown_authority_gets_no_token(authority):
    with (
        scripted(OK, tls=certified(authority)) as server,
        pytest.raises(ServerUnusable, match=r"not one that is trusted .*; --ca-file or SEALRING_CA_FILE names"),
    ):
        asking(server).ask("GET", "/")

    assert server.requests == []


def test_a_server_of_another_name_gets_no_token(authority):
    with scripted(OK, tls=certified(authority, "127.0.0.2")) as server:
        access = Access.of(server.url, "a-token", allow_http=False)
        with pytest.raises(ServerUnusable, match="the certificate is for 127.0.0.2, not for 127.0.0.1$"):
            Exchange(access, authority.file, Waits()).ask("GET", "/")

    assert "".join(server.requests) == ""
