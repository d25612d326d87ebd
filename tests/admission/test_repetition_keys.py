"""Keys of requests that mean something else than it seems, as SDKs make them."""

import hashlib
import json
import uuid

import pytest

from admission.sdks import SDKS, named

NODE, KOTLIN, RUBY = SDKS["Node"], SDKS["Kotlin"], SDKS["Ruby"]


def digest_of(method, path, body):
    """The key that the Kotlin SDK makes of a request: the same for all that are alike."""
    seed = f"{method}|{path}|||{json.dumps(body)}"
    return {"Idempotency-Key": f"retry-{hashlib.sha256(seed.encode()).hexdigest()}"}


@pytest.fixture
def create_by_kotlin(create):
    key = digest_of("POST", "/vault/v1/kv", {"name": str(uuid.uuid4())})
    return lambda: create(KOTLIN | key)


def test_a_create_whose_key_is_its_digest_is_done_again_after_a_delete(live, token, create_by_kotlin):
    dead = create_by_kotlin().json
    live.ask("DELETE", f"/vault/v1/kv/{dead['id']}", token=token, headers=KOTLIN)

    made = create_by_kotlin()

    assert made.status == 201
    assert made.json["id"] != dead["id"]
    assert live.ask("GET", f"/vault/v1/kv/{made.json['id']}", token=token).json["value"] == "v"


def test_two_creates_whose_key_is_their_digest_are_a_conflict(create_by_kotlin):
    assert create_by_kotlin().status == 201
    assert create_by_kotlin().json["code"] == "name_taken"


def test_an_update_whose_key_is_its_digest_is_known_by_itself(live, token, create):
    made = create({}).json
    path = f"/vault/v1/kv/{made['id']}"
    headers = KOTLIN | digest_of("PUT", path, {})
    for value in ("A", "B"):
        live.ask("PUT", path, token=token, body={"value": value}, headers=headers)

    assert live.ask("PUT", path, token=token, body={"value": "A"}, headers=headers).status == 201
    assert live.ask("GET", path, token=token).json["value"] == "A"


@pytest.mark.parametrize("key", ["retry-6b0c5a52-6b2f-4c9b-8f0a-0d8f8a3c1c77", "retry-" + "A" * 64, "a" * 64])
def test_another_key_of_the_kotlin_sdk_is_a_key(create, key):
    first, second = (create(KOTLIN | {"Idempotency-Key": key}) for _ in range(2))

    assert (first.status, second.status) == (201, 201)
    assert second.json == first.json


def test_the_digest_form_from_another_client_is_a_key(create):
    key = digest_of("POST", "/vault/v1/kv", {"name": str(uuid.uuid4())})

    assert [create(NODE | key).status for _ in range(2)] == [201, 201]


def test_an_update_that_ruby_gives_a_key_when_it_repeats_it_makes_one_version(live, token, create):
    made = create({}).json
    path = f"/vault/v1/kv/{made['id']}"
    body = {"value": "new", "version_check": made["version_id"]}
    first = live.ask("PUT", path, token=token, body=body, headers=RUBY)

    again = live.ask("PUT", path, token=token, body=body, headers=RUBY | named())

    assert (again.status, again.json) == (201, first.json)
    assert len(live.ask("GET", f"{path}/versions", token=token).json["data"]) == 2


def test_two_keys_of_ruby_are_two_updates(live, token, create):
    path = f"/vault/v1/kv/{create({}).json['id']}"

    for _ in range(2):
        live.ask("PUT", path, token=token, body={"value": "new"}, headers=RUBY | named())

    assert len(live.ask("GET", f"{path}/versions", token=token).json["data"]) == 3


def test_a_key_that_another_client_gives_to_its_second_update_makes_it_another(live, token, create):
    path = f"/vault/v1/kv/{create({}).json['id']}"

    for headers in (NODE, NODE | named()):
        live.ask("PUT", path, token=token, body={"value": "new"}, headers=headers)

    assert len(live.ask("GET", f"{path}/versions", token=token).json["data"]) == 3


def test_a_key_that_a_caller_of_ruby_gives_to_a_second_delete_makes_it_another(live, token, create):
    """The SDK itself gives none to a delete."""
    path = f"/vault/v1/kv/{create({}).json['id']}"

    answers = [live.ask("DELETE", path, token=token, headers=headers) for headers in (RUBY, RUBY | named())]

    assert [answer.status for answer in answers] == [200, 404]


def test_a_create_that_ruby_gives_a_key_after_a_conflict_stays_one(create):
    """It repeats each 409 too: that key must not find the create of somebody else."""
    assert create(RUBY).status == 201
    assert create(RUBY).status == 409
    assert create(RUBY | named()).json["code"] == "name_taken"


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
