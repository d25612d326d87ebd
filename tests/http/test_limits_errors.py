"""What a refusal of a field says, on compatible routes and on our own."""

import pytest

from secrecy.wire import problem


@pytest.fixture
def acme(live):
    return live.token("org_acme")


def test_a_refusal_of_a_compatible_route_lists_no_errors_because_sdks_would_show_the_list(live, acme):
    answer = live.ask("POST", "/vault/v1/kv", token=acme, body={})

    assert problem(answer) == (422, "invalid_key_context")
    assert "errors" not in answer.json
    assert answer.json["message"].startswith("Invalid key context: it is missing.")
    assert all(f"{member}: " in answer.json["message"] for member in ("name", "value"))


def test_a_refusal_of_our_own_routes_lists_each_error(live, acme):
    path = "/sealring/v1/kv/secret_00000000000000000000000000000000/restore"

    answer = live.ask("POST", path, token=acme, body={"version": 1, "force": True})

    assert problem(answer) == (422, "invalid_body")
    assert sorted(each["field"] for each in answer.json["errors"]) == ["force", "version"]


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("order=up", "order"), ("limit=1&limit=2", "limit"), ("updatedAfter=x", "updatedAfter")],
)
def test_a_refused_parameter_is_named(live, query, param):
    answer = live.ask("GET", f"/vault/v1/kv?{query}", token=live.token("org_acme"))

    assert (problem(answer), answer.json["param"]) == ((400, "malformed_request"), param)
