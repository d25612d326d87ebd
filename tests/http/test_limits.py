"""Bodies: what is over a limit or breaks a rule is refused with its status, in the one shape of errors."""

import gzip
import http.client
import json

import pytest

from secrecy.wire import problem
from support.live import Answer


@pytest.fixture(params=["loop", "threads"])
def live(request, on_loop, live_with_threads):
    """Each kind of worker reads bodies in its own way."""
    return on_loop if request.param == "loop" else live_with_threads


LIMIT = 6_356_992  # bytes: six for each of a value's 1,048,576, and 64 KiB
CONTEXT = {"organization_id": "org_acme"}
WHOLE = {"name": "limits", "value": "x", "key_context": CONTEXT}

BODIES = [("POST", "/vault/v1/kv"), ("POST", "/vault/v1/keys/data-key"), ("POST", "/vault/v1/keys/decrypt"),
          ("POST", "/vault/v1/keys/rekey"), ("PUT", "/vault/v1/kv/secret_00000000000000000000000000000000"),
          ("POST", "/sealring/v1/kv/secret_00000000000000000000000000000000/restore")]  # fmt: skip

to_every_route = pytest.mark.parametrize(("method", "path"), BODIES)


@pytest.fixture
def acme(live):
    return live.token("org_acme")


def in_chunks(live, token, path, body):
    host, port = live.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    pieces = (body[start : start + 100_000] for start in range(0, len(body), 100_000))
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection.request("POST", path, body=pieces, headers=headers, encode_chunked=True)
    response = connection.getresponse()
    answer = Answer(response.status, dict(response.getheaders()), response.read())
    connection.close()
    return answer


def test_a_body_over_the_limit_is_too_large(live, acme):
    answer = live.ask("POST", "/vault/v1/kv", token=acme, raw_body=b" " * (LIMIT + 1))

    assert problem(answer) == (413, "payload_too_large")


def test_a_body_over_the_limit_is_too_large_in_chunks(live, acme):
    answer = in_chunks(live, acme, "/vault/v1/kv", b" " * (LIMIT + 1))

    assert problem(answer) == (413, "payload_too_large")


def test_a_body_of_the_limit_is_taken(live, acme):
    body = json.dumps({**WHOLE, "name": "as large as can be"}).encode().ljust(LIMIT)

    answer = live.ask("POST", "/vault/v1/kv", token=acme, raw_body=body)

    assert answer.status == 201


def test_a_body_of_the_limit_is_taken_in_chunks(live, acme):
    body = json.dumps({**WHOLE, "name": "as large as can be, in chunks"}).encode().ljust(LIMIT)

    answer = in_chunks(live, acme, "/vault/v1/kv", body)

    assert answer.status == 201


@pytest.mark.parametrize("value", ["x" * 1_048_577, "é" * 524_289], ids=["letters", "bytes"])
def test_a_value_over_the_limit_is_too_large(live, acme, value):
    answer = live.ask("POST", "/vault/v1/kv", token=acme, body={**WHOLE, "value": value})

    assert problem(answer) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "value", ["x" * 1_048_576, "é" * 524_288, "\x01" * 1_048_576, ""], ids=["letters", "bytes", "escaped", "empty"]
)
def test_a_value_of_the_limit_comes_back(live, acme, value):
    body = {**WHOLE, "name": f"value {value[:1]!a} {len(value)}", "value": value}

    created = live.ask("POST", "/vault/v1/kv", token=acme, body=body)
    read = live.ask("GET", f"/vault/v1/kv/{created.json['id']}", token=acme)

    assert read.json["value"] == value


def nested(levels, inner=b'"x"'):
    """An object of so many levels, itself one of them."""
    return b'{"x":' + b"[" * (levels - 1) + inner + b"]" * (levels - 1) + b"}"


MALFORMED = {
    "nothing": b"",
    "no JSON": b"name=x",
    "cut short": b'{"name":"x"',
    "trailing": b'{"name":"x"}{}',
    "an array": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "null": b"null",
    "33 levels": nested(33),
    "33 objects": b'{"x":' * 32 + b"{}" + b"}" * 32,
    "100,000 arrays": b"[" * 100_000,
    "100,000 objects": b'{"x":' * 100_000,
    "100,000 closed arrays": nested(100_000),
    "2,000,000 arrays": b'{"x":[' + b",".join([b"[]"] * 2_000_000) + b"]}",
    "member twice": b'{"name":"x","name":"y"}',
    "member twice, escaped": b'{"name":"x","n\\u0061me":"y"}',
    "member twice, inside": b'{"x":[{"y":1,"y":1}]}',
    "NaN": b'{"x":NaN}',
    "Infinity": b'{"x":[Infinity]}',
    "-Infinity": b'{"x":-Infinity}',
    "long number": b'{"x":' + b"9" * 5000 + b"}",
    "lone surrogate": b'{"x":"\\ud800"}',
    "surrogates the wrong way round": b'{"x":"\\udc00\\ud800"}',
    "lone surrogate in a member": b'{"\\udfff":"x"}',
    "lone surrogate in a name": b'{"name":"\\ud800","value":"x","key_context":{"a":"b"}}',
    "lone surrogate in a value": b'{"name":"x","value":"a\\ud800b","key_context":{"a":"b"}}',
    "lone surrogate in a context key": b'{"name":"x","value":"x","key_context":{"\\udc00":"b"}}',
    "lone surrogate in a context value": b'{"name":"x","value":"x","key_context":{"a":"\\udc00"}}',
    "surrogates in UTF-8": b'{"x":"\xed\xa0\x80"}',
    "not UTF-8": b'{"x":"\xff"}',
    "UTF-16": '{"x":"y"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "control character": b'{"x":"\n"}',
}


@to_every_route
@pytest.mark.parametrize("body", MALFORMED.values(), ids=list(MALFORMED))
def test_what_is_no_strict_json_object_is_malformed(live, acme, method, path, body):
    if not body and path.endswith("restore"):
        body = b" "  # there, no body at all is as good as an empty object

    answer = live.ask(method, path, token=acme, raw_body=body)

    assert problem(answer) == (400, "malformed_request")


def test_a_value_may_be_json_of_any_number_of_values(live, acme):
    value = json.dumps([["a", {"b": []}]] * 50_000)

    created = live.ask("POST", "/vault/v1/kv", token=acme, body={**WHOLE, "name": "JSON in JSON", "value": value})
    read = live.ask("GET", f"/vault/v1/kv/{created.json['id']}", token=acme)

    assert read.json["value"] == value


@pytest.mark.parametrize("inner", [b'"x"', b"{}"], ids=["31", "32"])
def test_json_of_up_to_32_levels_is_read(live, acme, inner):
    body = nested(31, inner).replace(b'{"x"', b'{"name":"","x"')

    answer = live.ask("POST", "/vault/v1/kv", token=acme, raw_body=body)

    assert problem(answer) == (422, "invalid_key_context")


def test_json_of_32_levels_around_a_text_is_read(live, acme):
    answer = live.ask("POST", "/vault/v1/kv", token=acme, raw_body=nested(32))

    assert problem(answer) == (422, "invalid_key_context")


def test_a_pair_of_surrogates_is_the_character_that_it_stands_for(live, acme):
    raw = b'{"name":"pair \\ud83d\\ude00","value":"\\ud83d\\ude00","key_context":{"organization_id":"org_acme"}}'

    created = live.ask("POST", "/vault/v1/kv", token=acme, raw_body=raw)
    read = live.ask("GET", f"/vault/v1/kv/{created.json['id']}", token=acme)

    assert (read.json["name"], read.json["value"]) == ("pair 😀", "😀")


@to_every_route
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", "*/*", ""]
)
def test_a_body_that_is_not_declared_as_json_is_unsupported(live, acme, method, path, content_type):
    answer = live.ask(method, path, token=acme, raw_body=b"{}", headers={"Content-Type": content_type})

    assert problem(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
)
def test_json_may_be_declared_in_every_usual_way(live, acme, content_type):
    body = {**WHOLE, "name": f"declared as {content_type}"}

    answer = live.ask("POST", "/vault/v1/kv", token=acme, body=body, headers={"Content-Type": content_type})

    assert answer.status == 201


CODINGS = {
    "gzip": "gzip",
    "GZIP": "gzip",
    "x-gzip": "x-gzip",
    "deflate": "deflate",
    "br": "br",
    "zstd": "zstd",
    "gzip, identity": "gzip",
    "identity,br": "br",
    "*": "(unknown)",
    "a-secret": "(unknown)",
}


@to_every_route
@pytest.mark.parametrize(("header", "named"), CODINGS.items(), ids=list(CODINGS))
def test_a_coded_body_is_unsupported_and_its_coding_is_named(live, acme, method, path, header, named):
    body = gzip.compress(json.dumps(WHOLE).encode())

    answer = live.ask(method, path, token=acme, raw_body=body, headers={"Content-Encoding": header})

    assert problem(answer) == (415, "unsupported_media_type")
    message = f"The body has a content coding ({named}). Send it without one: only identity is accepted."
    assert answer.json["message"] == message
    assert answer.headers["Accept-Encoding"] == "identity"


def test_a_body_that_is_not_declared_as_json_is_told_what_is_taken(live, acme):
    answer = live.ask("POST", "/vault/v1/kv", token=acme, raw_body=b"{}", headers={"Content-Type": "text/plain"})

    assert answer.headers["Accept"] == "application/json"
    assert "Accept-Encoding" not in answer.headers


def test_json_under_another_coding_is_not_read_as_json(live, acme):
    answer = live.ask("POST", "/vault/v1/kv", token=acme, body=WHOLE, headers={"Content-Encoding": "gzip"})

    assert problem(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize("header", ["identity", "Identity", "identity, identity", "", ","])
def test_a_body_as_it_is_may_say_so(live, acme, header):
    body = {**WHOLE, "name": f"coded as {header!r}"}

    answer = live.ask("POST", "/vault/v1/kv", token=acme, body=body, headers={"Content-Encoding": header})

    assert answer.status == 201


def test_no_body_is_of_no_coding(live, acme):
    answer = live.ask("GET", "/vault/v1/kv", token=acme, headers={"Content-Encoding": "gzip"})

    assert answer.status == 200


@pytest.mark.parametrize("header", ["bytes 0-3/10", "bytes */10", "items 0-1/2"])
def test_a_part_of_a_body_is_malformed(live, acme, header):
    """RFC 9110, section 14.5: or the part would be stored for the whole."""
    made = live.ask("POST", "/vault/v1/kv", token=acme, body={**WHOLE, "name": f"part {header}"}).json
    one = f"/vault/v1/kv/{made['id']}"

    answer = live.ask("PUT", one, token=acme, body={"value": "part"}, headers={"Content-Range": header})

    assert problem(answer) == (400, "malformed_request")
    assert live.ask("GET", one, token=acme).json["value"] == "x"


def test_the_answer_to_a_large_body_of_unknown_members_stays_small(live, acme):
    body = {f"member {number}" * 100: number for number in range(900)}

    answer = live.ask("POST", "/sealring/v1/kv/secret_00000000000000000000000000000000/restore", token=acme, body=body)

    assert problem(answer) == (422, "invalid_body")
    assert len(answer.raw) < 10_000
