"""What public reports of other servers found, tried on this one."""

import pytest

from sealring.admission.sources import source_of
from secrecy.wire import answers, exchange, problem

CONTEXT = {"organization_id": "org_acme"}


@pytest.fixture
def acme(live):
    return live.token("org_acme")


@pytest.fixture
def made(live, acme, request):
    """An object."""
    body = {"name": f"field {request.node.name}"[:200], "value": "x", "key_context": CONTEXT}
    return live.ask("POST", "/vault/v1/kv", token=acme, body=body).json


def get(live, token, target):
    """A GET whose target no client has normalised."""
    head = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    (answer,) = answers(exchange(live, head.encode()))
    return answer


@pytest.mark.parametrize(
    "target",
    [
        "/vault/v1%2Fkv",
        "/vault%2fv1/kv?limit=1",
        "%2Fvault/v1/kv",
        "/vault/v1/kv/{id}%2Fmetadata",
        "/vault/v1/kv/{id}%2fversions",
        "/sealring%2Fv1/kv/{id}/versions/{version_id}",
        "/sealring/v1/operations%2Fkey",
        "/vault/v1/kv%2Fname/x",
        "/vault/v1/kv/name%2Fx",
        "http://x/vault/v1%2Fkv",
        "http://x%2Fy/vault/v1%2Fkv",
    ],
)
def test_an_encoded_slash_is_none_of_a_route(live, acme, made, target):
    answer = get(live, acme, target.format(**made))

    assert problem(answer) in {(404, "route_not_found"), (400, "malformed_request")}


@pytest.mark.parametrize("target", ["{0}a%2Fb", "{0}a/b", "http://x{0}a%2fb", "{0}a%2Fb?x=%2F"])
def test_an_encoded_slash_in_a_name_is_a_slash(live, target):
    token = live.token("org_slashes")
    body = {"name": "a/b", "value": "x", "key_context": {"organization_id": "org_slashes"}}
    live.ask("POST", "/vault/v1/kv", token=token, body=body)

    answer = get(live, token, target.format("/vault/v1/kv/name/"))

    assert (answer.status, answer.json["value"]) == (200, "x")


def test_an_encoded_slash_in_a_query_is_no_part_of_the_route(live, acme):
    assert get(live, acme, "/vault/v1/kv?search=%2F").status == 200


CONDITIONS = {
    "If-Match": '"another version"',
    "If-None-Match": "*",
    "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT",
}


@pytest.mark.parametrize("header", CONDITIONS)
def test_a_condition_that_nobody_would_look_at_is_refused_on_a_write(live, acme, made, header):
    headers = {header: CONDITIONS[header]}
    one = f"/vault/v1/kv/{made['id']}"

    updated = live.ask("PUT", one, token=acme, body={"value": "lost"}, headers=headers)
    deleted = live.ask("DELETE", one, token=acme, headers=headers)
    body = {"name": f"created if {header}", "value": "x", "key_context": CONTEXT}
    created = live.ask("POST", "/vault/v1/kv", token=acme, body=body, headers=headers)
    read = live.ask("GET", one, token=acme, headers=headers)

    assert [problem(each) for each in (updated, deleted, created)] == [(400, "malformed_request")] * 3
    assert header in updated.json["message"]
    assert "version_check" in updated.json["message"]
    assert (read.status, read.json["value"]) == (200, "x")


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:8.8.8.8", "public"),
        ("::1", "loopback"),
        ("127.0.0.2", "loopback"),
        ("10.0.0.1", "private"),
        ("fe80::1%eth0", "private"),
        ("2a00:1450:4001::1", "public"),
        ("8.8.8.8", "public"),
        ("", "unix"),
    ],
)
def test_a_peer_is_what_its_address_stands_for(address, source):
    assert source_of(address) == source


@pytest.mark.parametrize(
    "query",
    ["limit=1&limit=2", "limit=1&limit=1", "order=asc&limit=1&order=desc", "search=&search=x", "after=&after=",
     "updatedAfter=2026-01-31&updatedAfter=2026-01-30", "l%69mit=1&limit=1"],
)  # fmt: skip
def test_a_parameter_twice_is_malformed(live, acme, query):
    answer = live.ask("GET", f"/vault/v1/kv?{query}", token=acme)

    assert problem(answer) == (400, "malformed_request")
    assert answer.json["message"].endswith("is there twice. Send it once.")


def test_a_check_of_two_versions_deletes_nothing(live, acme, made):
    one = f"/vault/v1/kv/{made['id']}"

    answer = live.ask("DELETE", f"{one}?version_check=another&version_check={made['version_id']}", token=acme)

    assert problem(answer) == (400, "malformed_request")
    assert live.ask("GET", one, token=acme).status == 200


def test_an_unknown_parameter_may_come_twice_where_sdks_send_some(live, acme):
    assert live.ask("GET", "/vault/v1/kv?x[]=1&x[]=2", token=acme).status == 200
