"""`GET /sealring/v1/kv/value`: a value, or one property of it, by organization and name in the query."""

import json
from urllib.parse import quote, quote_plus

import pytest

from isolation.acme import organization

ROUTE = "/sealring/v1/kv/value"


@pytest.fixture
def acme(live):
    return organization(live, "org_values")


def value(acme, name, query="", token=None):
    path = f"{ROUTE}?organization_id={acme.id}&name={quote_plus(name)}{query}"
    return acme.live.ask("GET", path, token=token or acme.token)


def refused(answer):
    return answer.status, answer.json["code"]


def test_the_answer_is_that_of_a_read(live, acme):
    made = acme.object()

    answer = value(acme, made["name"])

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json == live.ask("GET", f"/vault/v1/kv/{made['id']}", token=acme.token).json


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("db-password/a b", "db-password%2Fa+b"),  # as External Secrets sends it
        ("db-password/c d", "db-password/c%20d"),
        ("a&b=c#d?e%2F", "a%26b%3Dc%23d%3Fe%252F"),
        ("a+b", "a%2Bb"),
        ("é😀", "%C3%A9%F0%9F%98%80"),
        ("x" * 200, "x" * 200),
    ],
)
def test_a_name_is_escaped_for_the_query(live, acme, name, escaped):
    acme.object(name=name, value=f"of {name}")

    answer = live.ask("GET", f"{ROUTE}?organization_id={acme.id}&name={escaped}", token=acme.token)

    assert (answer.status, answer.json["value"]) == (200, f"of {name}")


def test_one_property_of_an_object_is_read(acme):
    name = acme.object(value='{"user": "app", "port": 5432, "a b/c": "odd"}')["name"]

    assert value(acme, name, "&property=user").json["value"] == "app"
    assert value(acme, name, "&property=port").json["value"] == "5432"
    assert value(acme, name, "&property=a+b%2Fc").json["value"] == "odd"
    assert value(acme, name, "&property=").json["value"] == '{"user": "app", "port": 5432, "a b/c": "odd"}'


@pytest.mark.parametrize("stored", ["plain", '{"user": "app"}', '["property"]'])
def test_a_property_that_is_not_there_is_no_missing_object(acme, stored):
    name = acme.object(value=stored)["name"]

    answer = value(acme, name, "&property=missing")

    assert refused(answer) == (422, "invalid_body")
    assert [each["field"] for each in answer.json["errors"]] == ["property"]


def test_the_property_of_a_large_value_is_read(acme):
    stored = json.dumps({"filler": "x" * 900_000, "user": "app"})
    name = acme.object(value=stored)["name"]

    assert value(acme, name, "&property=user").json["value"] == "app"


def test_a_name_that_nobody_has_is_not_found(acme):
    assert refused(value(acme, "never was")) == (404, "not_found")


def test_a_deleted_object_is_not_found(acme):
    assert refused(value(acme, acme.deleted()["name"])) == (404, "not_found")


def test_the_answer_for_another_organization_is_the_same_whatever_exists(live, acme):
    name = acme.object()["name"]
    stranger = live.token("org_stranger")

    def seen(answer):
        return answer.status, {**answer.json, "request_id": ""}

    there, nowhere = (seen(value(acme, each, token=stranger)) for each in (name, "never was"))

    assert there == nowhere
    assert there[0] == 403


def test_a_token_for_all_organizations_reads_in_the_one_that_is_named(live, acme):
    name = acme.object(value="of org_values")["name"]
    organization(live, "org_values_too").object(name=name, value="of another")

    assert value(acme, name, token=live.token()).json["value"] == "of org_values"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "name=x",
        "organization_id=org_values",
        "organization_id=&name=x",
        "organization_id=a%20b&name=x",
        "organization_id=org_values&name=",
        "organization_id=org_values&name=+",
        "organization_id=org_values&name=..",
        "organization_id=org_values&name=a%00b",
        f"organization_id=org_values&name={'x' * 201}",
        "organization_id=org_values&name=x&version=1",
    ],
)
def test_a_query_that_breaks_a_rule_is_refused_and_never_a_missing_object(live, acme, query):
    assert refused(live.ask("GET", f"{ROUTE}?{query}", token=acme.token)) == (422, "invalid_body")


@pytest.mark.parametrize("twice", ["organization_id=org_values", "name=x", "property=x"])
def test_a_parameter_that_comes_twice_is_refused(acme, twice):
    assert refused(value(acme, "x", f"&property=x&{twice}")) == (400, "malformed_request")


def test_authentication_comes_before_the_query(live):
    assert live.ask("GET", ROUTE).status == 401
    assert live.ask("GET", f"{ROUTE}?name=x&name=y", token="wrong").status == 401


def test_the_permission_comes_before_the_query(live):
    assert live.ask("GET", ROUTE, token=live.token("org_values", permissions=frozenset())).status == 403


def test_no_path_leads_to_it_but_its_own(live, acme):
    for path in (f"{ROUTE}/", "/sealring/v1/kv//value", f"/sealring/v1/kv/{quote('value/x')}"):
        assert live.ask("GET", path, token=acme.token).status == 404
