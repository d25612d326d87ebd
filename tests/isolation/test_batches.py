"""Tenancy within a batch: each item is judged for itself, as the request for it alone would be."""

import base64

import pytest

from isolation.acme import organization
from isolation.callers import OTHER, OWNER

BATCH = "/sealring/v1/batch"
NEVER = "secret_" + 32 * "0"


@pytest.fixture
def acme(live):
    return organization(live, OWNER)


@pytest.fixture
def beta(live):
    return organization(live, OTHER)


def asked(org, operation, *items):
    answer = org.ask("POST", f"{BATCH}/{operation}", {"items": list(items)})
    assert answer.status == 200, answer
    return answer.json["items"]


def codes(items):
    return [each["error"]["code"] if "error" in each else None for each in items]


def plain(org, text=b"secret"):
    return {"key_context": org.context, "plaintext": base64.b64encode(text).decode()}


def new(org):
    return {"name": org.new_name(), "value": "a value", "key_context": org.context}


def test_items_for_another_organization_are_not_encrypted(acme, beta):
    items = asked(beta, "encrypt", plain(beta), plain(acme), plain(beta))

    assert codes(items) == [None, "forbidden", None]
    assert items[1]["error"]["status"] == 403


def test_items_of_another_organization_are_refused_as_garbage_is(acme, beta):
    items = asked(
        beta,
        "decrypt",
        {"ciphertext": beta.ciphertext()},
        {"ciphertext": acme.ciphertext()},
        {"ciphertext": "Z2FyYmFnZQ=="},
    )

    assert items[0] == {"plaintext": "c2VjcmV0"}
    assert items[1] == items[2]
    assert codes(items) == [None, "ciphertext_rejected", "ciphertext_rejected"]


def test_objects_of_another_organization_are_not_found_as_those_that_never_were(acme, beta):
    items = asked(beta, "read", {"id": acme.object()["id"]}, {"id": beta.object()["id"]}, {"id": NEVER})

    assert items[0] == items[2]
    assert codes(items) == ["not_found", None, "not_found"]


def test_names_of_another_organization_are_refused_whatever_is_there(acme, beta):
    there = acme.object()["name"]
    items = asked(
        beta,
        "read",
        {"name": there, "organization_id": acme.id},
        {"name": "never was", "organization_id": acme.id},
        {"name": there},
    )

    assert codes(items) == ["forbidden", "forbidden", "not_found"]
    assert items[0] == items[1]


def test_objects_for_another_organization_are_not_created(acme, beta):
    foreign = new(acme)

    items = asked(beta, "create", new(beta), foreign)

    assert codes(items) == [None, "forbidden"]
    assert codes(asked(acme, "read", {"name": foreign["name"]})) == ["not_found"]


def test_a_token_for_several_organizations_reaches_those_and_no_other(live, acme, beta):
    token = live.token(OWNER, OTHER)
    third = organization(live, "org_third")
    body = {"items": [{"ciphertext": each.ciphertext()} for each in (acme, third, beta)]}

    items = live.ask("POST", f"{BATCH}/decrypt", token=token, body=body).json["items"]

    assert codes(items) == [None, "ciphertext_rejected", None]
