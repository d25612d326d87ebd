"""Requests that are sent again, over HTTP."""

import uuid

import pytest

NODE = {"User-Agent": "workos-node/8.13.0"}
PYTHON = {"User-Agent": "WorkOS Python/3.11.7 Python SDK/10.8.0"}  # it sends a key with POST alone

each_way = pytest.mark.parametrize(
    "headers", [{"Idempotency-Key": "key-1"}, NODE, PYTHON], ids=["a key", "Node", "Python"]
)


@pytest.fixture
def token(live):
    return live.token("org_repeats")


@pytest.fixture
def create(live, token):
    name = f"name {uuid.uuid4()}"
    body = {"name": name, "value": "v", "key_context": {"organization_id": "org_repeats"}}

    def send(headers, **changes):
        return live.ask("POST", "/vault/v1/kv", token=token, body={**body, **changes}, headers=headers)

    return send


def named():
    return {"Idempotency-Key": str(uuid.uuid4())}


@pytest.mark.parametrize("headers", [named(), NODE], ids=["a key", "Node without a key"])
def test_a_create_that_is_sent_again_gets_the_same_answer(create, headers):
    first, second = create(headers), create(headers)

    assert (first.status, second.status) == (201, 201)
    assert second.json == first.json


def test_a_create_without_a_key_that_is_sent_again_is_a_conflict(create):
    assert create({}).status == 201
    assert create({}).json["code"] == "name_taken"


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


@each_way
def test_an_update_that_is_sent_again_makes_one_version(live, token, create, headers):
    made = create({}).json
    path = f"/vault/v1/kv/{made['id']}"
    body = {"value": "new", "version_check": made["version_id"]}

    answers = [live.ask("PUT", path, token=token, body=body, headers=headers) for _ in range(2)]

    assert [answer.status for answer in answers] == [201, 201]
    assert answers[1].json == answers[0].json
    assert len(live.ask("GET", f"{path}/versions", token=token).json["data"]) == 2


def test_two_data_keys_with_one_key_are_two(live, token):
    body = {"context": {"organization_id": "org_repeats"}}
    key = named()

    first, second = (
        live.ask("POST", "/vault/v1/keys/data-key", token=token, body=body, headers=key).json for _ in range(2)
    )

    assert first["data_key"] != second["data_key"]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\u00e9"])
def test_a_key_that_is_none_is_refused(create, key):
    refused = create({"Idempotency-Key": key})

    assert (refused.status, refused.json["code"]) == (400, "malformed_request")


def test_what_became_of_a_write_is_told(live, token, create):
    key = named()
    made = create(key).json

    told = live.ask("GET", f"/sealring/v1/operations/{key['Idempotency-Key']}", token=token).json

    assert told == {
        "state": "committed",
        "object_id": made["id"],
        "version_id": made["version_id"],
        "committed_at": made["updated_at"],
    }
    assert live.ask("GET", "/sealring/v1/operations/never-was", token=token).json == {"state": "not_found"}


def test_no_body_and_no_key_is_kept_in_clear(live, create):
    key = named()
    create(key, value="canary-of-repetitions")

    kept = [raw for name in live.store.scan_iter(b"s1:*:i:*") for raw in live.store.hgetall(name).values()]

    assert kept
    assert not any(b"canary-of-repetitions" in raw or key["Idempotency-Key"].encode() in raw for raw in kept)
