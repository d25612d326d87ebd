"""Routes, methods, paths and queries: what is refused of them, and what every answer carries."""

import pytest

from secrecy.wire import answers, exchange, problem
from support.exact import get

ORG = {"organization_id": "org_acme"}
ID = "secret_00000000000000000000000000000000"


@pytest.fixture
def acme(live):
    return live.token("org_acme")


@pytest.fixture
def rows(live):
    """An organization with three objects; its token."""
    token = live.token("org_rows")
    for number in range(3):
        body = {"name": f"row {number}", "value": "x", "key_context": {"organization_id": "org_rows"}}
        live.ask("POST", "/vault/v1/kv", token=token, body=body)
    return token


@pytest.mark.parametrize(
    "path",
    [
        "/", "/vault", "/vault/v1", "/vault/v1/", "/vault/v1/kv/", "/vault/v1/kv/name/", "//vault/v1/kv", "/vault/v2/kv",
        "/VAULT/v1/kv", f"/vault/v1/kv/{ID}/", f"/vault/v1/kv/{ID}/nothing", f"/sealring/v1/kv/{ID}", "/.env",
        "/vault/v1/kv/../kv", "/%2e%2e/etc/passwd", "/vault/v1/keys",
    ],
)  # fmt: skip
def test_an_unknown_route_is_not_found(live, acme, path):
    answer = live.ask("GET", path, token=acme)

    assert problem(answer) == (404, "route_not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/vault/v1/kv", "GET, HEAD, POST"),
        ("PUT", "/vault/v1/kv", "GET, HEAD, POST"),
        ("OPTIONS", "/vault/v1/kv", "GET, HEAD, POST"),
        ("TRACE", "/vault/v1/kv", "GET, HEAD, POST"),
        ("POST", f"/vault/v1/kv/{ID}", "DELETE, GET, HEAD, PUT"),
        ("POST", f"/vault/v1/kv/{ID}/metadata", "GET, HEAD"),
        ("DELETE", f"/vault/v1/kv/{ID}/versions", "GET, HEAD"),
        ("POST", "/vault/v1/kv/name/x/y", "GET, HEAD"),
        ("GET", "/vault/v1/keys/data-key", "POST"),
        ("GET", "/vault/v1/keys/decrypt", "POST"),
        ("PUT", "/vault/v1/keys/rekey", "POST"),
        ("GET", f"/sealring/v1/kv/{ID}/restore", "POST"),
        ("POST", "/livez", "GET, HEAD"),
        ("PROPFIND", "/readyz", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(live, acme, method, path, allowed):
    answer = live.ask(method, path, token=acme)

    assert problem(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == allowed


def test_a_method_that_nobody_knows_is_refused(live, acme):
    """By the server, or by the parser, which knows those of the registry."""
    assert problem(live.ask("BREW", "/readyz", token=acme))[0] in {400, 405}


HOSTS = ["", "..", "x" * 300, "a b", "[::", "x:y", "x:99999", "\xff", "a,b", "localhost/vault/v1/kv"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("line", "status"), [("GET /livez", 200), ("GET /nowhere", 404), ("POST /livez", 405)])
def test_no_host_changes_an_answer(live, host, line, status):
    request = f"{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1")

    (answer,) = answers(exchange(live, request))

    assert answer.status == status


@pytest.mark.parametrize("path", ["/vault/v1/kv/%FF", "/vault/v1/kv/name/a%C3", "/%FF", "/vault/v1/kv/name/%ED%A0%80"])
def test_a_path_that_is_not_utf8_is_malformed(live, acme, path):
    answer = live.ask("GET", path, token=acme)

    assert problem(answer) == (400, "malformed_request")


@pytest.mark.parametrize("name", ["%", "%zz", "%2", "a%G0b", "%00", "x%0Ay", "%u0041"])
def test_a_path_that_names_nothing_is_not_found(live, acme, name):
    answer = live.ask("GET", f"/vault/v1/kv/name/{name}", token=acme)

    assert problem(answer) == (404, "not_found")


@pytest.mark.parametrize(
    "object_id",
    ["x", "secret_", ID.lower()[:-1], f"{ID}0", f"{ID}%00", "SECRET_" + ID[7:], "secret_" + "g" * 32, "%20", "*"],
)
@pytest.mark.parametrize("rest", ["", "/metadata", "/versions"])
def test_what_is_no_id_is_not_found(live, acme, object_id, rest):
    answer = live.ask("GET", f"/vault/v1/kv/{object_id}{rest}", token=acme)

    assert problem(answer) == (404, "not_found")


@pytest.mark.parametrize("version", ["x", "00000000-0000-4000-8000-000000000000", "%00", "*"])
def test_what_is_no_version_is_not_found(live, acme, version):
    body = {"name": f"versions of {version}", "value": "x", "key_context": ORG}
    made = live.ask("POST", "/vault/v1/kv", token=acme, body=body).json

    answer = live.ask("GET", f"/sealring/v1/kv/{made['id']}/versions/{version}", token=acme)

    assert problem(answer) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=-1", "limit=x", "limit=", "limit=1.5", "limit=1e1", "limit=0x10", "limit=1_0",
        "limit=%D9%A3", "limit=+5", "limit=" + "9" * 5000, "limit=10&limit=101",
        "order=up", "order=", "order=DESC", "order=asc%00",
        "updatedAfter=garbage", "updatedAfter=1700000000", "updatedAfter=2026-13-01T00:00:00Z",
        "updatedAfter=2026-02-30T00:00:00Z", "updatedAfter=2026-01-31T25:00:00Z", "updatedAfter=2026-01-31T12:00:00X",
        "updatedAfter=Sat%20Foo%2031%202026%2012:00:00%20GMT+0000", "updated_after=garbage",
        "after=garbage", "before=garbage", "after=%F0%9F%98%80", "after=AAAA", "before=x&after=x",
        "search=%FF", "%FF=x", "&".join(f"a{number}=1" for number in range(51)),
    ],
    ids=lambda query: query[:40],
)  # fmt: skip
def test_a_bad_query_is_malformed(live, acme, query):
    answer = live.ask("GET", f"/vault/v1/kv?{query}", token=acme)

    assert problem(answer) == (400, "malformed_request")


@pytest.mark.parametrize("org", ["", "org%20acme", "org/acme", "x" * 65, "%C3%A9", "org_acme%0A", "*"])
def test_a_bad_organization_in_the_query_is_malformed(live, acme, org):
    answer = live.ask("GET", f"/vault/v1/kv/name/x?organization_id={org}", token=acme)

    assert problem(answer) == (400, "malformed_request")


CHANGES = {
    "cut short": lambda cursor: cursor[:-4],
    "cut to nothing but its end": lambda cursor: cursor[-22:],
    "a bit of its end": lambda cursor: cursor[:-6] + ("A" if cursor[-6] != "A" else "B") + cursor[-5:],
    "a bit of its middle": lambda cursor: cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:],
    "twice": lambda cursor: cursor * 2,
    "more": lambda cursor: cursor + "AAAA",
}


@pytest.mark.parametrize("field", ["after", "before"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_changed_cursor_is_malformed(live, rows, field, change):
    page = live.ask("GET", "/vault/v1/kv?limit=1", token=rows)
    cursor = change(page.json["list_metadata"][field])

    answer = live.ask("GET", f"/vault/v1/kv?limit=1&{field}={cursor}", token=rows)

    assert problem(answer) == (400, "malformed_request")


def test_two_cursors_are_malformed(live, rows):
    cursors = live.ask("GET", "/vault/v1/kv?limit=1", token=rows).json["list_metadata"]

    answer = live.ask("GET", f"/vault/v1/kv?before={cursors['before']}&after={cursors['after']}", token=rows)

    assert problem(answer) == (400, "malformed_request")


def test_a_cursor_of_another_order_is_malformed(live, rows):
    cursor = live.ask("GET", "/vault/v1/kv?limit=1&order=desc", token=rows).json["list_metadata"]["after"]

    answer = live.ask("GET", f"/vault/v1/kv?order=asc&after={cursor}", token=rows)

    assert problem(answer) == (400, "malformed_request")


ANSWERS = [
    "/vault/v1/kv",
    "/vault/v1/kv?limit=0",
    "/vault/v1/kv/x",
    "/nowhere",
    "/vault/v1/keys/decrypt",
    "/livez",
    "/%FF",
]


@pytest.mark.parametrize("path", ANSWERS)
@pytest.mark.parametrize("given", ["x", "A-b_c.9", "x" * 64])
def test_a_well_formed_request_id_is_kept(live, acme, path, given):
    answer = live.ask("GET", path, token=acme, headers={"X-Request-ID": given})

    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("path", ANSWERS)
@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a/b", "é", "a,b", '"x"', "a:b"])
def test_another_request_id_is_replaced(live, acme, path, given):
    answer = live.ask("GET", path, token=acme, headers={"X-Request-ID": given})

    assert answer.headers["X-Request-ID"] != given
    assert len(answer.headers["X-Request-ID"]) == 32


def test_each_request_without_an_id_gets_its_own(live, acme):
    ids = {live.ask("GET", "/vault/v1/kv", token=acme).headers["X-Request-ID"] for _ in range(10)}

    assert len(ids) == 10


def test_a_request_id_with_underscores_in_its_header_is_not_taken(live):
    answer = get(live, "X_Request_ID: forged", target=b"/livez")

    assert answer.headers["X-Request-ID"] != "forged"


def test_no_answer_may_be_stored_by_a_cache(live, acme):
    found = [live.ask("GET", path, token=acme).headers["Cache-Control"] for path in ANSWERS]

    assert found == ["no-store"] * len(ANSWERS)
