"""Rates, quotas and usage of organizations, on a running server with two workers."""

import http.client
import json
import select
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from revocations.commands import new_installation, run
from sealring.operator.embedded import EmbeddedValkey
from support.live import Answer, running
from support.waiting import becomes_true

IN_FORCE_S = 5.0  # after the command ended
AT_ONCE = 8
LIMITS = "\n[limits]\norganization_contexts = 2\nsubject_requests_per_second = 100000\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    with EmbeddedValkey(folder) as store:
        path = new_installation(folder, store.url, 2)
        path.write_text(path.read_text() + LIMITS)
        with running(path, folder / "server.log", None, workers=2, threads=8) as server:
            yield server


def limits(server, *arguments):
    ended = run(server.settings.path, "limits", *arguments)
    assert ended.exit_code == 0, ended.stderr


def create(server, org, name, token=None, **pairs):
    body = {"name": name, "value": "its value", "key_context": {"organization_id": org, **pairs}}
    return server.ask("POST", "/vault/v1/kv", token=token or server.token(org), body=body)


def usage(server, org, token=None):
    return server.ask("GET", f"/sealring/v1/usage?organization_id={org}", token=token or server.token(org))


def statuses(server, token, path="/vault/v1/kv"):
    """Of many requests at once, so that both workers answer some."""
    with ThreadPoolExecutor(AT_ONCE) as together:
        answers = together.map(lambda _: server.ask("GET", path, token=token), range(8 * AT_ONCE))
        return {answer.status for answer in answers}


def test_usage_shows_what_is_used_and_what_limits_it(server):
    create(server, "org_used", "one")
    made = create(server, "org_used", "two").json
    server.ask("DELETE", f"/vault/v1/kv/{made['id']}", token=server.token("org_used"))

    assert usage(server, "org_used").json == {
        "organization_id": "org_used",
        "objects": {"limit": None, "used": 2},
        "stored_bytes": {"limit": None, "used": 50},
        "contexts": {"limit": 2, "used": 1},
        "requests_per_second": {"limit": None},
    }


def test_usage_of_an_organization_that_never_was_is_nothing(server):
    assert usage(server, "org_never", server.token()).json["objects"] == {"limit": None, "used": 0}


@pytest.mark.parametrize("query", ["", "?organization_id=", "?organization_id=org%2Facme"])
def test_usage_is_of_one_organization_that_is_named(server, query):
    answer = server.ask("GET", f"/sealring/v1/usage{query}", token=server.token())

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")


def test_a_quota_of_the_settings_is_kept(server):
    for kind in ("a", "b"):
        assert create(server, "org_contexts", f"of {kind}", kind=kind).status == 201

    refused = create(server, "org_contexts", "of c", kind="c")

    assert (refused.status, refused.json["code"]) == (422, "quota_exceeded")
    assert refused.json["message"].startswith("The organization's quota of key contexts is exceeded: 2 are allowed")
    assert create(server, "org_contexts", "again", kind="a").status == 201


def test_a_quota_that_is_set_is_in_force_in_time_and_one_that_is_cleared_too(server):
    assert create(server, "org_quota", "first").status == 201
    limits(server, "set", "org_quota", "--objects", "1")

    assert becomes_true(lambda: usage(server, "org_quota").json["objects"] == {"limit": 1, "used": 1}, IN_FORCE_S)
    numbers = iter(range(1000))
    assert becomes_true(lambda: create(server, "org_quota", f"beyond {next(numbers)}").status == 422, IN_FORCE_S)

    limits(server, "clear", "org_quota")
    assert becomes_true(lambda: create(server, "org_quota", f"beyond {next(numbers)}").status == 201, IN_FORCE_S)


def test_a_rate_that_is_set_refuses_one_organization_and_nobody_else(server):
    limits(server, "set", "org_noisy", "--requests-per-second", "2")
    noisy, other = server.token("org_noisy"), server.token("org_other")

    assert becomes_true(lambda: 429 in statuses(server, noisy), 2 * IN_FORCE_S)

    assert statuses(server, other) == {200}
    refused = next(
        each for each in (server.ask("GET", "/vault/v1/kv", token=noisy) for _ in range(50)) if each.status == 429
    )
    assert refused.json["code"] == "rate_limited"
    assert refused.json["message"] == "Too many requests of the organization. Try again later."
    assert refused.headers["RateLimit-Policy"] == '"organization";q=2;w=2'
    assert refused.headers["RateLimit"] == '"organization";r=0;t=1'
    assert refused.headers["Retry-After"] == "1"


def test_a_token_for_all_is_refused_only_what_it_does_for_the_noisy_organization(server):
    everybody = server.token()
    made = create(server, "org_loud", "its object").json
    limits(server, "set", "org_loud", "--requests-per-second", "2")

    assert becomes_true(lambda: 429 in statuses(server, everybody, f"/vault/v1/kv/{made['id']}"), 2 * IN_FORCE_S)

    assert create(server, "org_quiet", "an object", token=everybody).status == 201
    assert statuses(server, everybody) == {200}


def test_a_change_of_limits_is_in_the_log_of_nothing_but_the_audit(server):
    limits(server, "set", "org_unseen", "--objects", "1")

    assert "org_unseen" not in server.log.read_text()


def test_nothing_that_is_answered_has_fields_of_a_rate_that_is_not_exceeded(server):
    answer = server.ask("GET", "/vault/v1/kv", token=server.token("org_fine"))

    assert {name for name in answer.headers if name.lower().startswith("ratelimit")} == set()
    assert json.loads(answer.raw)["data"] == []


# --- a share of a worker


@pytest.fixture
def shared(tmp_path):
    """One worker of four threads, of which one organization beside others gets two."""
    with EmbeddedValkey(tmp_path) as store:
        path = new_installation(tmp_path, store.url, 2)
        more = '\n[limits]\norganization_concurrency_percent = 50\n[server]\nworker = "threads"\n'
        path.write_text(path.read_text() + more)
        with running(path, tmp_path / "server.log", None, workers=1, threads=4) as server:
            yield server


def begun(server, org, name):
    """A connection with a create whose body is not all there; and the rest of it."""
    body = json.dumps({"name": name, "value": "v", "key_context": {"organization_id": org}}).encode()
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    head = f"POST /vault/v1/kv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token(org)}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + body[:-1])
    return connection, body[-1:]


def answered(connection):
    response = http.client.HTTPResponse(connection)
    response.begin()
    return Answer(response.status, dict(response.getheaders()), response.read())


def test_an_organization_with_unfinished_requests_leaves_threads_to_others(shared):
    other = shared.token("org_other")
    assert shared.ask("GET", "/vault/v1/kv", token=other).status == 200
    with ExitStack() as stack:
        begun_ones = dict(begun(shared, "org_hog", f"number {number}") for number in range(3))
        for connection in begun_ones:
            stack.enter_context(connection)

        (refused,), _, _ = select.select(begun_ones, (), (), 20)
        answer = answered(refused)
        assert (answer.status, answer.json["code"]) == (429, "too_many_requests")
        assert answer.headers["Retry-After"] == "1"
        assert "RateLimit" not in answer.headers
        assert shared.ask("GET", "/vault/v1/kv", token=other).status == 200

        del begun_ones[refused]
        for connection, rest in begun_ones.items():
            connection.sendall(rest)
            assert answered(connection).status == 201
