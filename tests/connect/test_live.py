"""vault.v1 as `sealring serve` mounts it, with each kind of worker."""

import gzip
import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from connect.kit import SERVICE
from secrecy.wire import answers, exchange
from support.asking import Answer

ORG = "org_connect"
RING = f"{ORG}/ring"
LARGE = 10 << 20


@pytest.fixture(params=["loop", "threads"])
def server(request, live, live_with_threads):
    return live if request.param == "loop" else live_with_threads


def call(server, method, members, token=None, **headers):
    return server.ask("POST", f"{SERVICE}/{method}", token=token, body=members, headers=headers)


def refusal(answer):
    assert answer.headers["Content-Type"] == "application/json", answer.raw
    members = answer.json
    assert members.keys() == {"code", "message"}, members
    return answer.status, members["code"]


def test_values_pass_through_all_methods(server):
    token = server.token(ORG)
    sealed = call(server, "Encrypt", {"keyring": RING, "data": "secret"}, token).json
    again = call(server, "ReEncrypt", {"keyring": RING, "encrypted": sealed["encrypted"]}, token).json
    items = call(server, "EncryptBulk", {"keyring": RING, "items": {"a": "1", "b": "2"}}, token).json["items"]
    back = {name: each["encrypted"] for name, each in items.items()}

    assert call(server, "Liveness", {}).json == {"status": "ok"}
    assert call(server, "Decrypt", {"keyring": RING, "encrypted": again["encrypted"]}, token).json == {
        "plaintext": "secret"
    }
    assert {each["keyId"] for each in items.values()} == {sealed["keyId"]} == {again["keyId"]}
    assert call(server, "DecryptBulk", {"keyring": RING, "items": back}, token).json == {"items": {"a": "1", "b": "2"}}


def test_calls_of_all_kinds_at_once_get_each_their_own_answer(server):
    """A hundred: ten keyrings that did not exist, encrypted with, decrypted and encrypted again side by side."""
    token = server.token(ORG)
    rings = [f"{ORG}/at once {number} {server.url}" for number in range(10)]

    def encrypt(number):
        sealed = call(server, "Encrypt", {"keyring": rings[number % 10], "data": f"value {number}"}, token).json
        return sealed["keyId"], sealed["encrypted"]

    def decrypt(number):
        answer = call(server, "Decrypt", {"keyring": rings[number % 10], "encrypted": made[number][1]}, token)
        return answer.json["plaintext"]

    def again(number):
        answer = call(server, "ReEncrypt", {"keyring": rings[number % 10], "encrypted": made[number][1]}, token)
        return answer.json["keyId"], answer.json["encrypted"]

    with ThreadPoolExecutor(32) as threads:
        made = list(threads.map(encrypt, range(100)))
        mixed = [threads.submit(work, number) for number in range(100) for work in (encrypt, decrypt, again)]
        fresh, read, renewed = ([each.result() for each in mixed[kind::3]] for kind in range(3))

    assert [len({key for key, _ in made[ring::10]}) for ring in range(10)] == [1] * 10
    assert len({key for key, _ in made}) == 10
    assert read == [f"value {number}" for number in range(100)]
    assert [key for key, _ in made] == [key for key, _ in fresh] == [key for key, _ in renewed]
    assert len({encrypted for _, encrypted in (*made, *fresh, *renewed)}) == 300
    made = renewed
    assert [decrypt(number) for number in range(100)] == read


def test_sixteen_mebibytes_pass(server):
    token, data = server.token(ORG), (1 << 20) * "sixteen bytes..."
    sealed = call(server, "Encrypt", {"keyring": RING, "data": data}, token).json

    assert call(server, "Decrypt", {"keyring": RING, "encrypted": sealed["encrypted"]}, token).json["plaintext"] == data


REFUSED = {
    "an unknown method": ("POST", "Rotate", {}, (404, "unimplemented")),
    "an unknown service": ("POST", "../vault.v1.KeyService/Rotate", {}, (404, "unimplemented")),
    "a slash that is hidden": ("POST", "%2FEncrypt", {}, (404, "unimplemented")),
    "no UTF-8": ("POST", "%FF", {}, (400, "invalid_argument")),
    "GET": ("GET", "Encrypt", {}, (405, "unknown")),
    "OPTIONS": ("OPTIONS", "Encrypt", {}, (405, "unknown")),
    "a content type": ("POST", "Encrypt", {"Content-Type": "text/plain"}, (415, "unknown")),
    "no token": ("POST", "Encrypt", {}, (401, "unauthenticated")),
    "a header that is too large": ("POST", "Encrypt", {"X-Large": 9_000 * "x"}, (431, "resource_exhausted")),
    "an expectation": ("POST", "Encrypt", {"Expect": "200-ok"}, (417, "invalid_argument")),
}


@pytest.mark.parametrize(("method", "name", "headers", "expected"), REFUSED.values(), ids=list(REFUSED))
def test_every_refusal_has_the_shape_of_connect(server, method, name, headers, expected):
    path = f"/vault.v1.{name.partition('vault.v1.')[2]}" if "vault.v1" in name else f"{SERVICE}/{name}"

    answer = server.ask(method, path, headers=headers, raw_body=b"{}")

    assert refusal(answer) == expected
    assert "X-Request-ID" in answer.headers
    assert answer.headers.get("Allow") == ("POST" if expected[0] == 405 else None)


def test_a_body_that_is_too_large_is_refused_in_the_shape_of_connect(server):
    token = server.token(ORG)

    declared = server.ask("POST", f"{SERVICE}/Encrypt", token=token, raw_body=bytes((32 << 20) + 1))
    expanding = server.ask(
        "POST",
        f"{SERVICE}/Encrypt",
        token=token,
        raw_body=gzip.compress(bytes(40 << 20)),
        headers={"Content-Encoding": "gzip"},
    )

    assert refusal(declared) == refusal(expanding) == (429, "resource_exhausted")


def test_a_head_that_cannot_be_read_is_refused_in_the_shape_of_connect_only_there(server):
    wrong = "Host: x\r\nHost: y\r\nX\x00: 1\r\n\r\n"

    (here,) = answers(exchange(server, f"POST {SERVICE}/Encrypt HTTP/1.1\r\n{wrong}".encode()))
    (there,) = answers(exchange(server, f"POST /vault/v1/kv HTTP/1.1\r\n{wrong}".encode()))

    assert refusal(here) == (400, "invalid_argument")
    assert there.json["code"] == "malformed_request"


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_twenty_calls_of_ten_mebibytes_with_a_bad_token_are_all_answered_on_one_connection(server, form):
    host, port = server.url.removeprefix("http://").split(":")
    good = {"Authorization": f"Bearer {server.token(ORG)}", "Content-Type": "application/json"}
    small = json.dumps({"keyring": RING, "data": "x"}).encode()
    with closing(http.client.HTTPConnection(host, int(port), timeout=30)) as connection:
        seen = []
        for _ in range(20):
            for headers, body in (({**good, "Authorization": "Bearer x"}, LARGE * b" "), (good, small)):
                chunked = form == "chunked"
                sent = iter([body]) if chunked else body
                connection.request("POST", f"{SERVICE}/Encrypt", body=sent, headers=headers, encode_chunked=chunked)
                response = connection.getresponse()
                seen.append(Answer(response.status, dict(response.getheaders()), response.read()).status)

    assert seen == 20 * [401, 200]


def test_a_call_that_is_late_is_answered_when_its_time_is_over(server):
    """Its body never comes."""
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        f"POST {SERVICE}/Encrypt HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token(ORG)}\r\n"
        "Content-Type: application/json\r\nConnect-Timeout-Ms: 300\r\nContent-Length: 10\r\n\r\n{"
    )
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        began = time.monotonic()
        connection.sendall(head.encode())
        received = connection.recv(65536)
        took = time.monotonic() - began
        while chunk := connection.recv(65536):
            received += chunk
    (answer,) = answers(received)

    assert refusal(answer) == (504, "deadline_exceeded")
    assert 0.3 <= took < 5


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/startup"])
def test_probes_of_callers_pass(server, path):
    answer = server.ask("GET", path)

    assert (answer.status, answer.json) == (200, {"status": "ok"})
