"""Requests that are sent again, over HTTP."""

import hashlib
import json
import uuid

import pytest

# What the SDKs say they are. None of them gives a key to a PUT or DELETE by itself, but Ruby, when it repeats a PUT.
SDKS = {
    "Node": {"User-Agent": "workos-node/8.13.0"},
    "Python": {"User-Agent": "WorkOS Python/3.11.7 Python SDK/10.8.0"},
    "Go": {"User-Agent": "workos-go/v10.1.1"},
    "Kotlin": {"User-Agent": "workos-kotlin/7.2.0"},
    ".NET": {"User-Agent": "workos-dotnet/6.2.0"},
    "PHP": {"User-Agent": "WorkOS PHP/9.0.0"},
    "Laravel": {"User-Agent": "WorkOS PHP Laravel/8.0.0"},
    "Ruby": {"User-Agent": "WorkOS; ruby/3.3.5; x86_64-linux; v10.2.1"},
}
NODE, KOTLIN, RUBY = SDKS["Node"], SDKS["Kotlin"], SDKS["Ruby"]

each_way = pytest.mark.parametrize("headers", [{"Idempotency-Key": "key-1"}, *SDKS.values()], ids=["a key", *SDKS])
each_sdk = pytest.mark.parametrize("headers", SDKS.values(), ids=SDKS)
each_that_repeats_nothing = pytest.mark.parametrize(
    "headers",
    [{}, {"User-Agent": "curl/8.5.0"}, {"User-Agent": "WorkOS Python/3.11.7 Python SDK/5.46.0"}],
    ids=["nobody", "curl", "Python 5"],
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


# --- keys that mean something else than it seems


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
