"""An object of another organization looks like one that never was."""

import pytest

from isolation.acme import altered_blob, organization
from isolation.hidden import NEVER_WAS, NO_VERSION, ON_AN_ID, ask_about, seen

on_an_id = pytest.mark.parametrize(("method", "path", "body"), ON_AN_ID)


@on_an_id
def test_an_object_of_another_organization_looks_like_one_that_never_was(live, method, path, body):
    made = organization(live, "org_acme").object()
    beta = live.token("org_beta")

    foreign = ask_about(live, beta, method, path, body, object_id=made["id"], version=made["version_id"])

    assert foreign[0] == 404
    assert foreign == ask_about(live, beta, method, path, body, object_id=NEVER_WAS, version=NO_VERSION)


@on_an_id
def test_an_unused_id_in_the_same_partition_looks_the_same(live, method, path, body):
    made = organization(live, "org_acme").object()
    unused = made["id"][:10] + made["id"][:9:-1]
    beta = live.token("org_beta")

    foreign = ask_about(live, beta, method, path, body, object_id=made["id"], version=made["version_id"])

    assert foreign == ask_about(live, beta, method, path, body, object_id=unused, version=NO_VERSION)


@on_an_id
def test_a_deleted_object_of_another_organization_looks_the_same(live, method, path, body):
    made = organization(live, "org_acme").deleted()
    beta = live.token("org_beta")

    foreign = ask_about(live, beta, method, path, body, object_id=made["id"], version=made["version_id"])

    assert foreign == ask_about(live, beta, method, path, body, object_id=NEVER_WAS, version=NO_VERSION)


@on_an_id
@pytest.mark.parametrize(
    "object_id",
    ["x", "secret_", "SECRET_" + 32 * "0", "secret_" + 32 * "f", "secret_" + 33 * "0", "secret_" + 32 * "F"],
)
def test_what_is_no_id_looks_the_same(live, method, path, body, object_id):
    beta = live.token("org_beta")

    garbage = ask_about(live, beta, method, path, body, object_id=object_id, version=NO_VERSION)

    assert garbage == ask_about(live, beta, method, path, body, object_id=NEVER_WAS, version=NO_VERSION)


def test_a_name_of_another_organization_looks_like_one_that_never_was(live):
    organization(live, "org_acme").object(name="only acme has this name")
    beta = live.token("org_beta")

    foreign = seen(live.ask("GET", "/vault/v1/kv/name/only%20acme%20has%20this%20name", token=beta))

    assert foreign[0] == 404
    assert foreign == seen(live.ask("GET", "/vault/v1/kv/name/nobody%20has%20this%20name", token=beta))


def test_an_object_without_an_organization_is_hidden_from_organizations(live):
    body = {"name": "of nobody", "value": "x", "key_context": {"tier": "gold"}}
    made = live.ask("POST", "/vault/v1/kv", token=live.token(), body=body).json
    acme = live.token("org_acme")

    def ask(object_id, name):
        paths = [f"/vault/v1/kv/{object_id}{rest}" for rest in ("", "/metadata", "/versions")]
        return [seen(live.ask("GET", path, token=acme)) for path in (*paths, f"/vault/v1/kv/name/{name}")]

    hidden = ask(made["id"], "of%20nobody")

    assert [(status, body["code"]) for status, _, body in hidden] == [(404, "not_found")] * 4
    assert hidden == ask(NEVER_WAS, "never-was")


@pytest.mark.parametrize(
    ("method", "path", "existing", "missing"),
    [
        (
            "POST",
            "/vault/v1/kv",
            {"name": "named by acme", "value": "x", "key_context": {"organization_id": "org_acme"}},
            {"name": "not named by acme", "value": "x", "key_context": {"organization_id": "org_nowhere"}},
        ),
        (
            "POST",
            "/vault/v1/keys/data-key",
            {"context": {"organization_id": "org_acme"}},
            {"context": {"organization_id": "org_nowhere"}},
        ),
        ("GET", "/vault/v1/kv/name/named%20by%20acme?organization_id={}", "org_acme", "org_nowhere"),
        ("GET", "/vault/v1/kv/name/not%20named%20by%20acme?organization_id={}", "org_acme", "org_nowhere"),
    ],
)
def test_naming_another_organization_is_forbidden_whether_it_exists_or_not(live, method, path, existing, missing):
    acme = organization(live, "org_acme")
    acme.ask("POST", "/vault/v1/kv", {"name": "named by acme", "value": "x", "key_context": acme.context})
    acme.blob()
    beta = live.token("org_beta")

    foreign, nowhere = (
        seen(
            live.ask(method, path.format(named), token=beta)
            if isinstance(named, str)
            else live.ask(method, path, token=beta, body=named)
        )
        for named in (existing, missing)
    )

    assert foreign[0] == 403
    assert foreign == nowhere


def test_a_rekey_into_another_organization_is_forbidden(live):
    beta = organization(live, "org_beta")

    answer = beta.ask(
        "POST", "/vault/v1/keys/rekey", {"encrypted_keys": beta.blob(), "context": {"organization_id": "org_acme"}}
    )

    assert answer.status == 403
    assert answer.json["code"] == "forbidden"


@pytest.mark.parametrize(("path", "member"), [("decrypt", "keys"), ("rekey", "encrypted_keys")])
def test_a_blob_of_another_organization_is_refused_as_garbage_is(live, path, member):
    acme, beta = organization(live, "org_acme"), organization(live, "org_beta")

    theirs = beta.ask("POST", f"/vault/v1/keys/{path}", {member: acme.blob(), "context": beta.context})
    garbage = beta.ask("POST", f"/vault/v1/keys/{path}", {member: "AAAA", "context": beta.context})

    assert (theirs.status, theirs.json["code"]) == (400, "ciphertext_rejected")
    assert seen(theirs) == seen(garbage)


@pytest.mark.parametrize(("path", "member"), [("decrypt", "keys"), ("rekey", "encrypted_keys")])
def test_a_blob_that_was_made_to_name_the_callers_organization_is_refused(live, path, member):
    acme, beta = organization(live, "org_acme"), organization(live, "org_beta")
    blob = altered_blob(acme.blob(), b"org_acme", b"org_beta")

    answer = beta.ask("POST", f"/vault/v1/keys/{path}", {member: blob, "context": beta.context})

    assert answer.status == 400
    assert answer.json["code"] == "ciphertext_rejected"


def test_a_create_that_names_no_organization_says_which_pair_to_add(live):
    body = {"name": "x", "value": "x", "key_context": {"tier": "gold"}}

    answer = live.ask("POST", "/vault/v1/kv", token=live.token("org_acme"), body=body)

    assert answer.status == 403
    assert answer.json["message"].startswith("Insufficient permissions: add the pair organization_id")


def test_a_token_for_no_organization_at_all_opens_nothing(live):
    made = organization(live, "org_acme").object()
    nobody = live.token("not an organization id")

    hidden, never_was = (
        seen(live.ask("GET", f"/vault/v1/kv/{object_id}", token=nobody)) for object_id in (made["id"], NEVER_WAS)
    )

    assert (hidden[0], hidden[2]["code"]) == (404, "not_found")
    assert hidden == never_was


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/vault/v1/kv/{id}", None),
        ("PUT", "/vault/v1/kv/{id}", {"value": "x"}),
        ("DELETE", "/vault/v1/kv/{id}", None),
        ("GET", "/vault/v1/kv/{id}/metadata", None),
        ("GET", "/vault/v1/kv/{id}/versions", None),
        ("POST", "/sealring/v1/kv/{id}/restore", None),
    ],
)
def test_an_object_of_another_organization_that_was_rolled_back_looks_the_same(live, method, path, body):
    acme = organization(live, "org_acme")
    made = acme.object()
    with live.store as store:
        raw_id = bytes.fromhex(made["id"].removeprefix("secret_"))
        (key,) = (key for key in store.scan_iter(match=b"*:o:*", count=1000) if key.endswith(raw_id))
        first = store.get(key)
        acme.ask("PUT", f"/vault/v1/kv/{made['id']}", {"value": "second"})
        second = store.getset(key, first)
    beta = live.token("org_beta")

    foreign = ask_about(live, beta, method, path, body, object_id=made["id"], version=made["version_id"])
    with live.store as store:
        store.set(key, second)  # other tests list all objects of this server

    assert foreign == ask_about(live, beta, method, path, body, object_id=NEVER_WAS, version=NO_VERSION)
