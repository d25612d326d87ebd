"""Names, key contexts and version checks: the rules of each, and their boundaries."""

import itertools

import pytest

from secrecy.wire import problem

ORG = {"organization_id": "org_acme"}
_numbers = itertools.count()

INVALID_NAMES = {
    "empty": "",
    "blank": "  ",
    "201 letters": "x" * 201,
    "201 emoji": "😀" * 201,
    "dot": ".",
    "two dots": "..",
    "NUL": "a\0b",
    "newline": "a\nb",
    "tab": "\t",
    "delete": "a\x7f",
    "C1 control": "a\x85b",
    "number": 1,
    "list": ["x"],
    "object": {"x": "y"},
    "null": None,
    "true": True,
}
INVALID_CONTEXTS = {
    "no pairs": {},
    "PHP's no pairs": [],
    "a list": ["x"],
    "a text": "organization_id",
    "a number": 1,
    "11 pairs": {f"key {number}": "x" for number in range(11)},
    "empty key": {"": "x"},
    "121 letters in a key": {"x" * 121: "x"},
    "empty value": {"x": ""},
    "501 letters in a value": {"x": "x" * 501},
    "a number as value": {"x": 1},
    "true as value": {"x": True},
    "null as value": {"x": None},
    "a list as value": {"x": ["y"]},
    "an object as value": {"x": {"y": "z"}},
    "NUL in a key": {"a\0b": "x"},
    "NUL in a value": {"x": "a\0b"},
    "two organizations": {"organization_id": "org_acme", "organizationId": "org_beta"},
    "blank in an organization": {"organization_id": "org acme"},
    "slash in an organization": {"organizationId": "org/acme"},
    "newline after an organization": {"organization_id": "org_acme\n"},
    "letters that are no ASCII in an organization": {"organization_id": "örg"},
    "65 letters in an organization": {"organization_id": "x" * 65},
}
VALID_CONTEXTS = {
    "10 pairs": {**ORG, **{f"key {number}": "x" for number in range(9)}},
    "120 letters in a key": {**ORG, "x" * 120: "x"},
    "120 emoji in a key": {**ORG, "😀" * 120: "x"},
    "500 letters in a value": {**ORG, "x": "x" * 500},
    "500 emoji in a value": {**ORG, "x": "😀" * 500},
    "both spellings of one organization": {**ORG, "organizationId": "org_acme"},
    "the other spelling": {"organizationId": "org_acme"},
    "controls but NUL": {**ORG, "a\n": "\x01\x7f"},
    "blanks": {**ORG, " ": " "},
}


@pytest.fixture
def acme(live):
    return live.token("org_acme")


@pytest.fixture
def made(live, acme):
    """An object."""
    return _create(live, acme).json


def _create(live, token, **changes):
    body = {"name": f"fields {next(_numbers)}", "value": "x", "key_context": ORG}
    return live.ask("POST", "/vault/v1/kv", token=token, body=body | changes)


@pytest.mark.parametrize("name", INVALID_NAMES.values(), ids=list(INVALID_NAMES))
def test_a_name_that_breaks_a_rule_is_invalid(live, acme, name):
    answer = _create(live, acme, name=name)

    assert problem(answer) == (422, "invalid_body")
    assert answer.json["message"].startswith("name: ")


@pytest.mark.parametrize("name", ["x", "x" * 200, "😀" * 200], ids=["1 letter", "200 letters", "200 emoji"])
def test_a_name_of_1_to_200_characters_is_taken(live, acme, name):
    answer = _create(live, acme, name=name)

    assert answer.status == 201


CONTEXT_ROUTES = {
    "create": ("POST", "/vault/v1/kv", "key_context", {"name": "x", "value": "x"}),
    "data key": ("POST", "/vault/v1/keys/data-key", "context", {}),
    "rekey": ("POST", "/vault/v1/keys/rekey", "context", {"encrypted_keys": "AAAA"}),
    "update": ("PUT", "/vault/v1/kv/{id}", "key_context", {"value": "x"}),
    "update with context": ("PUT", "/vault/v1/kv/{id}", "context", {"value": "x"}),
}


@pytest.mark.parametrize("route", CONTEXT_ROUTES.values(), ids=list(CONTEXT_ROUTES))
@pytest.mark.parametrize("context", INVALID_CONTEXTS.values(), ids=list(INVALID_CONTEXTS))
def test_a_context_that_breaks_a_rule_is_an_invalid_key_context(live, acme, made, route, context):
    method, path, member, body = route

    answer = live.ask(method, path.format(id=made["id"]), token=acme, body={**body, member: context})

    assert problem(answer) == (422, "invalid_key_context")
    assert answer.json["message"].startswith("Invalid key context")


@pytest.mark.parametrize("context", VALID_CONTEXTS.values(), ids=list(VALID_CONTEXTS))
def test_a_context_at_its_limits_comes_back_as_it_was_sent(live, acme, context):
    created = _create(live, acme, key_context=context)
    pair = live.ask("POST", "/vault/v1/keys/data-key", token=acme, body={"context": context})

    assert created.json["context"] == context
    assert pair.json["context"] == context


@pytest.mark.parametrize(
    ("path", "body", "missing"),
    [
        ("/vault/v1/kv", {"value": "x", "key_context": ORG}, "name"),
        ("/vault/v1/kv", {"name": "x", "key_context": ORG}, "value"),
        ("/vault/v1/keys/decrypt", {}, "keys"),
        ("/vault/v1/keys/rekey", {"context": ORG}, "encrypted_keys"),
    ],
)
def test_a_missing_member_is_named(live, acme, path, body, missing):
    answer = live.ask("POST", path, token=acme, body=body)

    assert problem(answer) == (422, "invalid_body")
    assert answer.json["message"].startswith(f"{missing}: ")


@pytest.mark.parametrize(
    ("path", "body", "member"),
    [
        ("/vault/v1/kv", {"name": "x", "value": "x"}, "key_context"),
        ("/vault/v1/keys/data-key", {}, "context"),
        ("/vault/v1/keys/rekey", {"encrypted_keys": "x"}, "context"),
    ],
)
def test_a_missing_context_is_an_invalid_one(live, acme, path, body, member):
    missing = live.ask("POST", path, token=acme, body=body)
    null = live.ask("POST", path, token=acme, body={**body, member: None})

    for answer in (missing, null):
        assert problem(answer) == (422, "invalid_key_context")
        assert answer.json["message"].startswith("Invalid key context: it is ")


@pytest.mark.parametrize("value", [None, 1, True, ["x"], {"x": "y"}], ids=str)
def test_a_value_that_is_no_text_is_invalid(live, acme, made, value):
    created = _create(live, acme, value=value)
    updated = live.ask("PUT", f"/vault/v1/kv/{made['id']}", token=acme, body={"value": value})

    assert problem(created) == (422, "invalid_body")
    assert problem(updated) == (422, "invalid_body")


@pytest.mark.parametrize(
    "blob", ["", "x", "AAAA", "AAA", "é", "a b", "A" * 100_000], ids=lambda blob: f"{blob[:5]}{len(blob)}"
)
def test_what_is_no_blob_is_rejected(live, acme, blob):
    answer = live.ask("POST", "/vault/v1/keys/decrypt", token=acme, body={"keys": blob})

    assert problem(answer) == (400, "ciphertext_rejected")


@pytest.mark.parametrize("between", ["\n", " ", "-", "!", "\u00e9", "=="])
def test_a_blob_with_anything_between_is_rejected(live, acme, between):
    pair = live.ask("POST", "/vault/v1/keys/data-key", token=acme, body={"context": {"organization_id": "org_acme"}})
    blob = pair.json["encrypted_keys"]

    whole, changed = (
        live.ask("POST", "/vault/v1/keys/decrypt", token=acme, body={"keys": keys})
        for keys in (blob, blob[:8] + between + blob[8:])
    )

    assert whole.status == 200
    assert problem(changed) == (400, "ciphertext_rejected")


@pytest.mark.parametrize("check", [1, True, ["x"], {"x": "y"}], ids=str)
def test_a_version_check_that_is_no_text_is_invalid(live, acme, made, check):
    body = {"value": "new", "version_check": check}

    answer = live.ask("PUT", f"/vault/v1/kv/{made['id']}", token=acme, body=body)

    assert problem(answer) == (422, "invalid_body")


@pytest.mark.parametrize("check", ["00000000-0000-4000-8000-000000000000", "latest", ""])
def test_a_version_check_of_another_version_is_a_mismatch(live, acme, made, check):
    one = f"/vault/v1/kv/{made['id']}"

    updated = live.ask("PUT", one, token=acme, body={"value": "new", "version_check": check})
    deleted = live.ask("DELETE", f"{one}?version_check={check}", token=acme)

    assert [problem(updated), problem(deleted)] == [(409, "version_conflict"), (409, "version_conflict")]
    assert updated.json["message"].startswith("Expected version mismatch")
    assert deleted.json["message"].startswith("Expected version mismatch")


def test_the_version_before_the_current_one_is_a_mismatch(live, acme, made):
    one = f"/vault/v1/kv/{made['id']}"
    live.ask("PUT", one, token=acme, body={"value": "second"})

    answer = live.ask("PUT", one, token=acme, body={"value": "third", "version_check": made["version_id"]})

    assert problem(answer) == (409, "version_conflict")


def test_no_version_check_and_null_are_no_check(live, acme, made):
    one = f"/vault/v1/kv/{made['id']}"

    answers = [
        live.ask("PUT", one, token=acme, body={"value": "new"}),
        live.ask("PUT", one, token=acme, body={"value": "new", "version_check": None}),
        live.ask("DELETE", one, token=acme),
    ]

    assert [answer.status for answer in answers] == [201, 201, 200]


@pytest.mark.parametrize("member", ["key_context", "context"])
@pytest.mark.parametrize(
    "context", [{**ORG, "x": "y"}, {"organizationId": "org_acme"}, {"organization_id": "org_beta"}, {"x": "y"}], ids=str
)
def test_an_update_does_not_change_the_context(live, acme, made, member, context):
    body = {"value": "new", member: context}

    answer = live.ask("PUT", f"/vault/v1/kv/{made['id']}", token=acme, body=body)

    assert problem(answer) == (422, "key_context_fixed")
    assert answer.json["message"].startswith("Key context cannot be changed")


def test_an_update_may_repeat_the_context_in_any_order(live, acme):
    made = _create(live, acme, key_context={**ORG, "a": "1", "b": "2"}).json
    body = {"value": "new", "key_context": {"b": "2", "a": "1", **ORG}, "context": None}

    answer = live.ask("PUT", f"/vault/v1/kv/{made['id']}", token=acme, body=body)

    assert answer.status == 201


def test_a_name_that_is_taken_is_a_conflict(live, acme):
    _create(live, acme, name="taken once")

    answer = _create(live, acme, name="taken once")

    assert problem(answer) == (409, "name_taken")


@pytest.mark.parametrize("value", [1, 1.5, True, ["x"], {"x": "y"}])
def test_a_value_that_is_no_string_is_refused_with_what_to_do(live, value):
    body = {"name": f"number {next(_numbers)}", "value": value, "key_context": ORG}

    answer = live.ask("POST", "/vault/v1/kv", token=live.token("org_acme"), body=body)

    assert problem(answer) == (422, "invalid_body")
    assert answer.json["message"] == "value: Not a string. JSON-encode it, or encode binary data in base64."
    assert answer.json["param"] == "value"
