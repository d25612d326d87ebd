"""Requests that are sent again, over HTTP, change nothing and get the same answer."""

import pytest

from admission.sdks import SDKS, named

each_way = pytest.mark.parametrize("headers", [{"Idempotency-Key": "key-1"}, *SDKS.values()], ids=["a key", *SDKS])
each_sdk = pytest.mark.parametrize("headers", SDKS.values(), ids=SDKS)
each_that_repeats_nothing = pytest.mark.parametrize(
    "headers",
    [{}, {"User-Agent": "curl/8.5.0"}, {"User-Agent": "WorkOS Python/3.11.7 Python SDK/5.46.0"}],
    ids=["nobody", "curl", "Python 5"],
)


def test_a_create_with_a_key_that_is_sent_again_gets_the_same_answer(create):
    key = named()

    first, second = create(key), create(key)

    assert (first.status, second.status) == (201, 201)
    assert second.json == first.json


def test_only_the_answer_to_a_repetition_says_that_it_is_one(live, token, create):
    keys = [named() for _ in range(4)]
    path = f"/vault/v1/kv/{create({}).json['id']}"
    first = live.ask("GET", f"{path}/metadata", token=token).json["metadata"]["version_id"]
    writes = [
        lambda: create(keys[0], name=f"another {keys[0]}"),
        lambda: live.ask("PUT", path, token=token, body={"value": "w", "version_check": first}, headers=keys[1]),
        lambda: live.ask("DELETE", path, token=token, headers=keys[2]),
        lambda: live.ask("POST", f"/sealring/v1{path.removeprefix('/vault/v1')}/restore", token=token, headers=keys[3]),
    ]

    said = [[write().headers.get("Idempotent-Replayed") for _ in range(3)] for write in writes]

    assert said == [[None, "true", "true"]] * 4


def test_restoring_what_is_live_is_no_repetition(live, token, create):
    path = f"/sealring/v1/kv/{create({}).json['id']}/restore"

    assert "Idempotent-Replayed" not in live.ask("POST", path, token=token, headers=named()).headers


@pytest.mark.parametrize("headers", [{}, *SDKS.values()], ids=["nobody", *SDKS])
def test_a_create_without_a_key_that_is_sent_again_is_a_conflict(create, headers):
    assert create(headers).status == 201
    assert create(headers).json["code"] == "name_taken"


def test_a_key_keeps_its_outcome_when_the_object_is_deleted(live, token, create):
    key = named()
    made = create(key).json
    live.ask("DELETE", f"/vault/v1/kv/{made['id']}", token=token)

    again = create(key)

    assert (again.status, again.json) == (201, made)


def test_a_key_with_another_body_is_refused(create):
    key = named()
    create(key)

    refused = create(key, value="other")

    assert (refused.status, refused.json["code"]) == (422, "idempotency_key_reused")


@each_way
def test_a_delete_that_is_sent_again_gets_the_same_answer(live, token, create, headers):
    made = create({}).json

    answers = [live.ask("DELETE", f"/vault/v1/kv/{made['id']}", token=token, headers=headers) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[1].json == answers[0].json


@each_sdk
def test_a_delete_that_is_sent_again_spares_the_object_that_took_the_name(live, token, create, headers):
    made = create({}).json
    live.ask("DELETE", f"/vault/v1/kv/{made['id']}", token=token, headers=headers)
    taker = create({}).json

    again = live.ask("DELETE", f"/vault/v1/kv/{made['id']}", token=token, headers=headers)

    assert again.status == 200
    assert live.ask("GET", f"/vault/v1/kv/{taker['id']}", token=token).status == 200


@each_sdk
def test_a_delete_of_what_was_restored_meanwhile_is_a_new_one(live, token, create, headers):
    path = f"/vault/v1/kv/{create({}).json['id']}"
    live.ask("DELETE", path, token=token, headers=headers)
    live.ask("POST", f"{path.replace('vault', 'sealring')}/restore", token=token)

    live.ask("DELETE", path, token=token, headers=headers)

    assert live.ask("GET", path, token=token).status == 404


@each_way
def test_an_update_that_is_sent_again_makes_one_version(live, token, create, headers):
    made = create({}).json
    path = f"/vault/v1/kv/{made['id']}"
    body = {"value": "new", "version_check": made["version_id"]}

    answers = [live.ask("PUT", path, token=token, body=body, headers=headers) for _ in range(2)]

    assert [answer.status for answer in answers] == [201, 201]
    assert answers[1].json == answers[0].json
    assert len(live.ask("GET", f"{path}/versions", token=token).json["data"]) == 2


@each_sdk
def test_one_value_then_another_then_the_first_are_three_updates(live, token, create, headers):
    path = f"/vault/v1/kv/{create({}).json['id']}"

    for value in ("A", "B", "A"):
        assert live.ask("PUT", path, token=token, body={"value": value}, headers=headers).status == 201

    assert live.ask("GET", path, token=token).json["value"] == "A"
    assert len(live.ask("GET", f"{path}/versions", token=token).json["data"]) == 4


@each_sdk
def test_an_update_whose_version_another_has_replaced_since_is_stale(live, token, create, headers):
    made = create({}).json
    path = f"/vault/v1/kv/{made['id']}"
    mine = {"value": "mine", "version_check": made["version_id"]}
    live.ask("PUT", path, token=token, body=mine, headers=headers)
    live.ask("PUT", path, token=token, body={"value": "theirs"}, headers=headers)

    again = live.ask("PUT", path, token=token, body=mine, headers=headers)

    assert (again.status, again.json["code"]) == (409, "version_conflict")
    assert live.ask("GET", path, token=token).json["value"] == "theirs"


@each_sdk
@pytest.mark.parametrize("theirs", ["another token", "another version"])
def test_the_same_update_of_another_process_is_not_a_repetition(live, token, create, headers, theirs):
    """Both read a counter at one version and write the next number: one of the two has to hear of the other."""
    made = create({}).json
    path = f"/vault/v1/kv/{made['id']}"
    body = {"value": "6", "version_check": made["version_id"]}
    assert live.ask("PUT", path, token=token, body=body, headers=headers).status == 201
    if theirs == "another token":
        token = live.token("org_repeats")
    else:
        headers = {"User-Agent": f"{headers['User-Agent']}0"}

    other = live.ask("PUT", path, token=token, body=body, headers=headers)

    assert (other.status, other.json["code"]) == (409, "version_conflict")


@each_that_repeats_nothing
def test_who_repeats_nothing_is_told_of_a_stale_version_and_a_deleted_object(live, token, create, headers):
    made = create({}).json
    path = f"/vault/v1/kv/{made['id']}"
    body = {"value": "new", "version_check": made["version_id"]}

    updates = [live.ask("PUT", path, token=token, body=body, headers=headers).status for _ in range(2)]
    deletes = [live.ask("DELETE", path, token=token, headers=headers).status for _ in range(2)]

    assert (updates, deletes) == ([201, 409], [200, 404])
