"""Two environments on one server and one store see nothing of each other, even where organizations have one id."""

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from isolation.acme import altered_blob, organization
from isolation.environments import ENVIRONMENT
from isolation.hidden import NEVER_WAS, NO_VERSION, ON_AN_ID, ask_about, seen

CALLERS_THERE = [pytest.param(("org_acme",), id="same-organization"), pytest.param((), id="all-organizations")]

there = pytest.mark.parametrize("orgs", CALLERS_THERE)


def test_the_second_environment_works_for_itself(environments):
    server, second = environments
    token = second.token("org_acme")
    body = {"name": "second's own", "value": "x", "key_context": {"organization_id": "org_acme"}}

    created = server.ask("POST", "/vault/v1/kv", token=token, body=body)
    read = server.ask("GET", f"/vault/v1/kv/{created.json['id']}", token=token)

    assert created.json["environment_id"] == ENVIRONMENT
    assert read.json["value"] == "x"


@there
@pytest.mark.parametrize(("method", "path", "body"), ON_AN_ID)
def test_an_object_of_another_environment_looks_like_one_that_never_was(environments, orgs, method, path, body):
    server, second = environments
    made = organization(server, "org_acme").object()
    token = second.token(*orgs)

    foreign = ask_about(server, token, method, path, body, object_id=made["id"], version=made["version_id"])

    assert foreign[0] == 404
    assert foreign == ask_about(server, token, method, path, body, object_id=NEVER_WAS, version=NO_VERSION)


@there
@pytest.mark.parametrize("query", ["", "?organization_id=org_acme"])
def test_a_name_of_another_environment_is_not_found(environments, orgs, query):
    server, second = environments
    made = organization(server, "org_acme").object()
    token = second.token(*orgs)

    foreign, never_was = (
        seen(server.ask("GET", f"/vault/v1/kv/name/{name}{query}", token=token))
        for name in (made["name"].replace(" ", "%20"), "never-was")
    )

    assert (foreign[0], foreign[2]["code"]) == (404, "not_found")
    assert foreign == never_was


@there
def test_a_list_shows_nothing_of_another_environment(environments, orgs):
    server, second = environments
    organization(server, "org_acme").object(name=f"hidden {orgs}")

    answer = server.ask("GET", "/vault/v1/kv?search=hidden", token=second.token(*orgs))

    assert answer.status == 200
    assert answer.json["data"] == []


@pytest.mark.parametrize("orgs", [("org_cursors",), ()])
def test_a_cursor_of_another_environment_is_refused(environments, orgs):
    server, second = environments
    acme = organization(server, "org_cursors")
    acme.object()
    acme.object()
    page = server.ask("GET", "/vault/v1/kv?limit=1", token=server.token(*orgs))

    path = f"/vault/v1/kv?limit=1&after={page.json['list_metadata']['after']}"

    at_home, abroad = (server.ask("GET", path, token=token) for token in (server.token(*orgs), second.token(*orgs)))

    assert (at_home.status, len(at_home.json["data"])) == (200, 1)
    assert (abroad.status, abroad.json["code"]) == (400, "malformed_request")


@there
@pytest.mark.parametrize(("path", "member"), [("decrypt", "keys"), ("rekey", "encrypted_keys")])
def test_a_data_key_of_another_environment_is_refused(environments, orgs, path, member):
    server, second = environments
    blob = organization(server, "org_acme").blob()
    body = {member: blob, "context": {"organization_id": "org_acme"}}

    answer = server.ask("POST", f"/vault/v1/keys/{path}", token=second.token(*orgs), body=body)

    assert answer.status == 400
    assert answer.json["code"] == "ciphertext_rejected"


def test_a_data_key_that_was_made_to_name_the_callers_environment_is_refused(environments):
    server, second = environments
    acme = organization(server, "org_acme")
    first = acme.object()["environment_id"]
    blob = altered_blob(acme.blob(), first.encode(), ENVIRONMENT.encode())

    answer = server.ask("POST", "/vault/v1/keys/decrypt", token=second.token("org_acme"), body={"keys": blob})

    assert answer.status == 400
    assert answer.json["code"] == "ciphertext_rejected"


def test_one_name_in_two_environments_is_two_objects(environments):
    server, second = environments
    body = {"name": "in both", "key_context": {"organization_id": "org_acme"}}

    server.ask("POST", "/vault/v1/kv", token=server.token("org_acme"), body={**body, "value": "first"})
    server.ask("POST", "/vault/v1/kv", token=second.token("org_acme"), body={**body, "value": "second"})
    values = [
        server.ask("GET", "/vault/v1/kv/name/in%20both", token=token).json["value"]
        for token in (server.token("org_acme"), second.token("org_acme"), server.token(), second.token())
    ]

    assert values == ["first", "second", "first", "second"]


def test_one_context_in_two_environments_has_two_keys(environments):
    server, second = environments
    body = {"name": "keys", "value": "x", "key_context": {"organization_id": "org_acme", "for": "two keys"}}

    made = [
        server.ask("POST", "/vault/v1/kv", token=token, body=body).json
        for token in (server.token("org_acme"), second.token("org_acme"))
    ]

    assert made[0]["key_id"] != made[1]["key_id"]


def test_one_issuers_key_signs_for_no_other_issuer(environments):
    server, second = environments
    claims = jwt.decode(server.token("org_acme"), options={"verify_signature": False})
    header = jwt.get_unverified_header(second.token("org_acme"))
    key = load_pem_private_key((server.folder / "second-key.pem").read_bytes(), None)
    own = jwt.decode(second.token("org_acme"), options={"verify_signature": False})

    good, forged = (
        server.ask("GET", "/vault/v1/kv", token=jwt.encode(each, key, "ES256", {"kid": header["kid"]}))
        for each in (own, claims)
    )

    assert good.status == 200
    assert (forged.status, forged.json["code"]) == (401, "unauthenticated")
