"""The OpenAPI document says what the server does, and the page shows it with nothing from elsewhere."""

import hashlib
import re
from importlib.metadata import version
from importlib.resources import files

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from sealring.admission.problems import PROBLEMS
from sealring.auth.scoping import Authenticator
from sealring.domain.ids import environment_id
from sealring.http import examples
from sealring.http.app import Surroundings, guarded_routes, make_server
from sealring.http.description import CONTENT_SECURITY_POLICY
from sealring.http.health.views import Readiness
from sealring.observability.logs import Log
from sealring.store.connection.durability import Durability
from support.make import NO_SERVICES, limiter

ROUTES = guarded_routes(NO_SERVICES)
PAGE = files("sealring.http") / "docs_page"


@pytest.fixture(scope="module")
def server():
    return make_server(
        NO_SERVICES, Surroundings(Authenticator(None, None), limiter(), bytes, Readiness({}, "single"), Log(), 1 << 20)
    )


@pytest.fixture(scope="module")
def document(server):
    return server.test_client().get("/openapi.json").json


def operations(document):
    return [(path, method, each) for path, methods in document["paths"].items() for method, each in methods.items()]


def operation(document, name):
    return next(each for _, _, each in operations(document) if each["operationId"] == name)


def valid(document, schema, instance):
    """Check an instance against a schema of the document."""
    OAS31Validator({**schema, "components": document["components"]}).validate(instance)


def schema(document, name):
    return {"$ref": f"#/components/schemas/{name}"}


def test_it_is_openapi_3_1(document):
    OpenAPIV31SpecValidator(document).validate()

    assert document["openapi"] == "3.1.0"


def test_it_describes_every_route_of_the_url_map_and_no_other(server, document):
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in server.url_map.iter_rules()
        for method in rule.methods - {"HEAD"}
    }

    assert {(path, method) for path, method, _ in operations(document)} == routes


def test_operation_ids_are_unique(document):
    names = [each["operationId"] for _, _, each in operations(document)]

    assert sorted(set(names)) == sorted(names)


def test_each_guarded_route_says_what_it_takes(document):
    said = {
        (path, method): each["x-required-permission"]
        for path, method, each in operations(document)
        if "x-required-permission" in each
    }

    assert said == {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.rule), route.method.lower()): route.permission.value
        for route in ROUTES
    }


def test_only_open_routes_take_no_token(document):
    assert document["security"] == [{"token": []}]
    assert {path for path, _, each in operations(document) if each.get("security") == []} == {
        "/livez", "/readyz", "/startupz", "/health/live", "/health/ready", "/health/startup", "/openapi.json", "/docs", "/docs/errors", "/docs/rapidoc-min.js", "/docs/page.js",
    }  # fmt: skip


def test_every_parameter_of_a_path_is_described(document):
    for path, _, each in operations(document):
        named = [one["name"] for one in each.get("parameters", []) if one["in"] == "path"]

        assert named == re.findall(r"\{(\w+)\}", path)


def test_every_code_is_said_of_some_route(document):
    said = {
        code
        for _, _, each in operations(document)
        for answer in each["responses"].values()
        for code in re.findall(r"\* `(\w+)`", answer["description"])
    }

    said.add("envelope_rejected")  # of keyrings, on other routes than those of JSON
    assert said == {problem.code for problem in PROBLEMS.values()} | {"internal_error", "unsupported_media_type"}


def test_a_key_context_has_its_limits(document):
    context = document["components"]["schemas"]["CreateObject"]["properties"]["key_context"]

    assert (context["minProperties"], context["maxProperties"]) == (1, 10)
    assert (context["propertyNames"]["minLength"], context["propertyNames"]["maxLength"]) == (1, 120)
    assert (context["additionalProperties"]["minLength"], context["additionalProperties"]["maxLength"]) == (1, 500)


@pytest.mark.parametrize(
    ("context", "accepted"),
    [
        ({"organization_id": "org_acme", "type": "x" * 500}, True),
        ({}, False),
        ({f"key {number}": "x" for number in range(11)}, False),
        ({"type": 1}, False),
        ({"type": ""}, False),
        ({"type": "x" * 501}, False),
        ({"x" * 121: "x"}, False),
        ({"type": "\0"}, False),
        ({"organization_id": "org acme"}, False),
    ],
)
def test_its_key_contexts_are_those_that_the_server_takes(document, live, context, accepted):
    body = {"context": context}
    described = {**schema(document, "CreateDataKey"), "components": document["components"]}

    answer = live.ask("POST", "/vault/v1/keys/data-key", token=live.token("org_acme"), body=body)

    assert OAS31Validator(described).is_valid(body) is accepted
    assert (answer.status == 200) is accepted


@pytest.mark.parametrize("name", ["x" * 200, "a/b", "", "x" * 201, "a\nb", "a\x7fb"])
def test_its_names_are_those_that_the_server_takes(document, live, name):
    body = {"name": name, "value": "v", "key_context": {"organization_id": "org_openapi"}}
    described = {**schema(document, "CreateObject"), "components": document["components"]}

    answer = live.ask("POST", "/vault/v1/kv", token=live.token("org_openapi"), body=body)

    assert OAS31Validator(described).is_valid(body) is (answer.status == 201)


def test_a_query_says_no_null_and_its_limits(document):
    described = {each["name"]: each["schema"] for each in operation(document, "listObjects")["parameters"]}

    assert described["limit"] == {"type": "integer", "default": 10, "minimum": 1, "maximum": 100}
    assert described["order"] == {"type": "string", "enum": ["asc", "desc"]}
    assert described["search"] == {"type": "string"}


def test_readiness_takes_a_flag_and_knows_every_class(document):
    (flag,) = operation(document, "isReady")["parameters"]

    assert (flag["in"], flag["name"], flag["allowEmptyValue"]) == ("query", "verbose", True)
    assert document["components"]["schemas"]["Readiness"]["properties"]["durability"]["enum"] == [
        each.value for each in Durability
    ]


def test_every_example_is_valid(document):
    for _, _, each in operations(document):
        for part in [each.get("requestBody", {}), *each["responses"].values()]:
            for media in part.get("content", {}).values():
                for example in media.get("examples", {}).values():
                    valid(document, media["schema"], example["value"])


def test_the_example_of_an_environment_is_one():
    assert environment_id(examples.ENVIRONMENT_ID) == examples.ENVIRONMENT_ID


def test_what_the_server_answers_is_what_is_described(live):
    document = live.ask("GET", "/openapi.json").json
    token = live.token("org_described")
    context = {"organization_id": "org_described"}

    def ask(name, method, path, body=None):
        answer = live.ask(method, path, token=token, body=body)
        described = operation(document, name)["responses"][str(answer.status)]
        valid(document, described["content"]["application/json"]["schema"], answer.json)
        return answer

    created = ask("createObject", "POST", "/vault/v1/kv", {"name": "a/b", "value": "v", "key_context": context})
    one = f"/vault/v1/kv/{created.json['id']}"
    updated = ask("updateObject", "PUT", one, {"value": "w"})
    version = f"{one.replace('vault', 'sealring')}/versions/{created.json['version_id']}"
    pair = ask("createDataKey", "POST", "/vault/v1/keys/data-key", {"context": context})
    blob = pair.json["encrypted_keys"]
    answers = [
        created,
        updated,
        pair,
        ask("createObject", "POST", "/vault/v1/kv", {"name": "a/b", "value": "v", "key_context": context}),
        ask("createObject", "POST", "/vault/v1/kv", {"name": "a/b", "value": "v", "key_context": {}}),
        ask("listObjects", "GET", "/vault/v1/kv"),
        ask("listObjects", "GET", "/vault/v1/kv?limit=0"),
        ask("readObject", "GET", one),
        ask("readObjectByName", "GET", "/vault/v1/kv/name/a%2Fb"),
        ask("readValue", "GET", "/sealring/v1/kv/value?organization_id=org_described&name=a%2Fb"),
        ask("readValue", "GET", "/sealring/v1/kv/value?organization_id=org_described&name=a%2Fb&property=c"),
        ask("describeObject", "GET", f"{one}/metadata"),
        ask("listObjectVersions", "GET", f"{one}/versions"),
        ask("readObjectVersion", "GET", version),
        ask("decryptDataKey", "POST", "/vault/v1/keys/decrypt", {"keys": blob}),
        ask("rekeyDataKey", "POST", "/vault/v1/keys/rekey", {"encrypted_keys": blob, "context": context}),
        ask("deleteObject", "DELETE", one),
        ask("readObject", "GET", one),
        ask("restoreObject", "POST", f"{one.replace('vault', 'sealring')}/restore"),
        ask("restoreObject", "POST", f"{one.replace('vault', 'sealring')}/restore", {"unknown": 1}),
        ask("isAlive", "GET", "/livez"),
        ask("isReady", "GET", "/readyz"),
        ask("isReady", "GET", "/readyz?verbose"),
    ]

    assert [answer.status for answer in answers] == [
        201, 201, 200, 409, 422, 200, 400, 200, 200, 200, 422, 200, 200, 200, 200, 200, 200, 404, 200, 422,
        200, 200, 200,
    ]  # fmt: skip


def test_the_script_of_the_page_is_the_published_one():
    noted = re.search(r"`([0-9a-f]{64})`", PAGE.joinpath("README.md").read_text())[1]

    assert hashlib.sha256(PAGE.joinpath("rapidoc-min.js").read_bytes()).hexdigest() == noted


def test_the_page_asks_for_nothing_from_elsewhere():
    page = PAGE.joinpath("index.html").read_text()

    assert re.findall(r'(?:src|href|spec-url)="([^"]*)"', page) == [
        "data:,", "docs/page.js", "docs/rapidoc-min.js", "openapi.json", "openapi.json",
    ]  # fmt: skip
    assert 'load-fonts="false"' in page
    assert "//" not in page


def test_the_page_is_served_with_a_policy(live):
    page = live.ask("GET", "/docs")
    script = live.ask("GET", "/docs/rapidoc-min.js")

    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert (script.status, script.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert script.raw == PAGE.joinpath("rapidoc-min.js").read_bytes()


def test_the_page_of_errors_is_served_with_a_policy_and_asks_for_nothing(live):
    page = live.ask("GET", "/docs/errors")

    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert re.findall(rb'(?:src|href)="([^"]*)"', page.raw) == [b"data:,", b"/docs"]


def test_the_description_says_the_version_of_the_server(document):
    assert document["info"]["version"] == version("sealring")


def test_the_policy_allows_no_other_host():
    sources = CONTENT_SECURITY_POLICY.replace(";", "").split()

    assert {source for source in sources if source.startswith(("http", "*", "//"))} == set()
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; script-src 'self'; ")
