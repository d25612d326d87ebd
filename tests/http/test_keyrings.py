"""The routes of keyrings: results by item, and names with slashes."""

import pytest

ORG = "org_keyrings"


def ask(live, ring, what, body=None, org=ORG):
    return live.ask("POST", f"/sealring/v1/keyrings/{ring}/{what}", token=live.token(org), body=body)


@pytest.mark.parametrize(
    "ring", [ORG, f"{ORG}%2Fa", f"{ORG}%2fa%2Fb", f"{ORG}/a/b", f"{ORG}%2Fencrypt", f"{ORG}%2F%C3%A4%20b"]
)
def test_a_name_with_slashes_is_escaped(live, ring):
    made = ask(live, ring, "encrypt", {"items": {"one": "first"}})

    encrypted = made.json["items"]["one"]["encrypted"]
    assert ask(live, ring, "decrypt", {"items": {"one": encrypted}}).json == {"items": {"one": {"value": "first"}}}


def test_vault_v1_opens_what_a_route_encrypted(live):
    encrypted = ask(live, f"{ORG}%2Fa%2Fb", "encrypt", {"items": {"one": "first"}}).json["items"]["one"]["encrypted"]

    body = {"keyring": f"{ORG}/a/b", "encrypted": encrypted}
    answer = live.ask("POST", "/vault.v1.VaultService/Decrypt", token=live.token(ORG), body=body)

    assert answer.json == {"plaintext": "first"}


@pytest.mark.parametrize(
    "path", [f"keyrings%2F{ORG}/encrypt", f"keyrings/{ORG}%2Fencrypt", f"keyrings/{ORG}/encryp%74"]
)
def test_a_slash_of_the_route_is_never_escaped(live, path):
    answer = live.ask("POST", f"/sealring/v1/{path}", token=live.token(ORG), body={"items": {"one": "x"}})

    assert answer.json["code"] == "route_not_found"


def test_one_item_that_is_refused_does_not_keep_the_others(live):
    encrypted = ask(live, ORG, "encrypt", {"items": {"one": "first"}}).json["items"]["one"]["encrypted"]

    answer = ask(live, ORG, "decrypt", {"items": {"no base64": "?", "good": encrypted, "no envelope": "AAAA"}})

    assert answer.status == 200
    assert list(answer.json["items"]) == ["no base64", "good", "no envelope"]
    assert answer.json["items"]["good"] == {"value": "first"}
    refused = [answer.json["items"][name] for name in ("no base64", "no envelope")]
    assert [set(each) for each in refused] == 2 * [{"code", "message"}]
    assert refused[0] == refused[1]


def test_a_rotation_makes_a_key_that_new_values_have(live):
    first = ask(live, f"{ORG}%2Fr", "encrypt", {"items": {"a": "x"}}).json["items"]["a"]
    rotated = ask(live, f"{ORG}%2Fr", "rotate")
    second = ask(live, f"{ORG}%2Fr", "encrypt", {"items": {"a": "x"}}).json["items"]["a"]

    assert rotated.json.keys() == {"key_id", "created_at"}
    assert first["key_id"] != rotated.json["key_id"] == second["key_id"]
    assert ask(live, f"{ORG}%2Fr", "decrypt", {"items": {"a": first["encrypted"]}}).json["items"]["a"] == {"value": "x"}


@pytest.mark.parametrize("what", ["encrypt", "decrypt"])
@pytest.mark.parametrize("items", [{}, [], {"a": 1}, {"a": None}, {str(number): "" for number in range(501)}])
def test_items_that_are_none_or_too_many_are_refused(live, what, items):
    answer = ask(live, ORG, what, {"items": items})

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")


@pytest.mark.parametrize("what", ["encrypt", "decrypt"])
def test_a_refusal_says_what_is_wrong_with_an_item_and_not_how_the_client_calls_it(live, what):
    answer = ask(live, ORG, what, {"items": {"alice": 1, "bob": ["x"], "carol": "AAAA"}})

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")
    assert answer.json["message"] == "items: Not a valid string."
