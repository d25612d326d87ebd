"""Batches over HTTP: each item has its own answer, in the order of the request."""

import base64
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from sealring.admission.guard import MAX_BATCH_BYTES
from sealring.store.audit import _AT_ONCE

BATCH = "/sealring/v1/batch"
CONTEXT = {"organization_id": "org_batches"}

_numbers = itertools.count(1)


@pytest.fixture
def ask(live):
    token = live.token(CONTEXT["organization_id"], "org_other")

    def ask(operation, *items, **sent):
        return live.ask("POST", f"{BATCH}/{operation}", token=token, body={"items": list(items)}, **sent)

    return ask


def plain(text, **pairs):
    return {"key_context": {**CONTEXT, **pairs}, "plaintext": base64.b64encode(text).decode()}


def new(name=None, value="a value", **pairs):
    name = name or f"in a batch {next(_numbers)}"
    return {"name": name, "value": value, "key_context": {**CONTEXT, **pairs}}


def codes(answer):
    assert answer.status == 200, answer
    return [each["error"]["code"] if "error" in each else None for each in answer.json["items"]]


def decrypted(ask, items):
    answer = ask("decrypt", *({"ciphertext": each["ciphertext"]} for each in items))
    assert answer.status == 200, answer
    return [base64.b64decode(each["plaintext"]) for each in answer.json["items"]]


def test_a_thousand_items_of_several_contexts_open_again_in_order(ask):
    texts = [f"secret {number}".encode() for number in range(1_000)]

    answer = ask("encrypt", *(plain(text, type=f"type {number % 7}") for number, text in enumerate(texts)))

    assert codes(answer) == [None] * 1_000
    assert decrypted(ask, answer.json["items"]) == texts
    assert decrypted(ask, answer.json["items"][::-1]) == texts[::-1]


@pytest.mark.parametrize("count", [1, _AT_ONCE, _AT_ONCE + 1])
def test_batches_of_any_size_open_again(ask, count):
    texts = [bytes([number]) * number for number in range(count)]
    items = [plain(text, type=str(number)) for number, text in enumerate(texts)]  # each has an entry of its own

    assert decrypted(ask, ask("encrypt", *items).json["items"]) == texts


def test_large_items_open_again(ask):
    texts = [bytes(1 << 20), b"small", bytes(range(256)) * 1_000]

    assert decrypted(ask, ask("encrypt", *map(plain, texts)).json["items"]) == texts


def test_an_item_that_breaks_a_rule_has_an_error_of_its_own(ask):
    answer = ask(
        "encrypt",
        plain(b"good"),
        {"key_context": CONTEXT, "plaintext": "not base64"},
        {"key_context": {}, "plaintext": ""},
        {"key_context": CONTEXT},
        {**plain(b"good"), "extra": 1},
        "no object",
        plain(b"good", organization_id="org_nobody"),
    )

    refused = ["invalid_body", "invalid_key_context", "invalid_body", "invalid_body", "invalid_body", "forbidden"]
    assert codes(answer) == [None, *refused]
    assert answer.json["items"][1]["error"] == {
        "status": 422,
        "code": "invalid_body",
        "message": "plaintext: Not base64 with padding.",
    }


@pytest.mark.parametrize("items", [[], None, {}, "items", [1] * 1_001])
def test_a_body_without_one_to_a_thousand_items_is_refused(live, items):
    token = live.token(CONTEXT["organization_id"])

    answer = live.ask("POST", f"{BATCH}/encrypt", token=token, body={"items": items})

    assert (answer.status, answer.json["code"]) == (422, "invalid_body")


def test_a_body_over_eight_mebibytes_is_refused(ask, live):
    largest = plain(bytes(6_000_000))
    assert len(largest["plaintext"]) < MAX_BATCH_BYTES

    assert codes(ask("encrypt", largest)) == [None]
    assert ask("encrypt", plain(bytes(MAX_BATCH_BYTES))).status == 413


def test_objects_are_created_and_read_in_order(ask):
    objects = [new(value=f"value {number}") for number in range(40)]

    created = ask("create", *objects)
    read = ask("read", *({"id": each["metadata"]["id"]} for each in created.json["items"]))
    by_name = ask("read", *({"name": each["name"]} for each in objects))

    assert codes(created) == [None] * 40
    assert [each["object"]["value"] for each in read.json["items"]] == [f"value {number}" for number in range(40)]
    assert read.json == by_name.json
    assert read.json["items"][0]["object"]["metadata"] == created.json["items"][0]["metadata"]


def test_of_two_objects_with_one_name_the_first_is_created(ask):
    name = f"twice {next(_numbers)}"

    slow = "one" * 100_000  # sealed in a thread, while others go on
    answer = ask("create", new(name, slow), new(name, "two"), new(), new(name, "other", organization_id="org_other"))

    assert codes(answer) == [None, "name_taken", None, None]
    found = ask("read", {"name": name, "organization_id": CONTEXT["organization_id"]}, {"name": name})
    assert found.json["items"][0]["object"]["value"] == slow
    assert codes(found) == [None, "ambiguous_name"]


def test_what_is_missing_has_an_error_and_the_others_are_read(ask):
    made = ask("create", new(value="there")).json["items"][0]["metadata"]["id"]

    answer = ask(
        "read", {"id": "secret_" + 32 * "0"}, {"id": made}, {}, {"id": made, "name": "x"}, {"organization_id": "x"}
    )

    assert codes(answer) == ["not_found", None, "invalid_body", "invalid_body", "invalid_body"]


def test_a_retry_of_a_batch_creates_only_what_is_missing(ask):
    taken = new(value="before")
    assert codes(ask("create", taken)) == [None]
    items = [new(), taken, new()]
    key = {"Idempotency-Key": f"batch-{next(_numbers)}"}

    first, again = ask("create", *items, headers=key), ask("create", *items, headers=key)

    assert codes(first) == [None, "name_taken", None]
    assert again.json == first.json


def test_a_key_of_another_batch_is_refused_for_what_that_created(ask):
    key = {"Idempotency-Key": f"batch-{next(_numbers)}"}
    assert codes(ask("create", new(), new(), headers=key)) == [None, None]

    assert codes(ask("create", new(), new(), new(), headers=key)) == [
        "idempotency_key_reused",
        "idempotency_key_reused",
        None,
    ]


def test_retries_at_the_same_time_create_each_object_once(ask):
    items = [new() for _ in range(20)]
    key = {"Idempotency-Key": f"batch-{next(_numbers)}"}

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: ask("create", *items, headers=key), range(4)))

    assert all(codes(answer) == [None] * 20 for answer in answers)
    assert len({answer.raw for answer in answers}) == 1


def test_an_operation_names_the_object_of_each_item(ask, live):
    name = f"batch-{next(_numbers)}"
    created = ask("create", new(), new(), headers={"Idempotency-Key": name}).json["items"]

    found = live.ask("GET", f"/sealring/v1/operations/{name}/1", token=live.token("org_batches", "org_other"))

    assert (found.status, found.json["state"]) == (200, "committed")
    assert found.json["object_id"] == created[1]["metadata"]["id"]


def test_what_is_read_at_once_is_bounded(ask):
    value = "v" * (1 << 20)
    made = [ask("create", new(value=value)).json["items"][0]["metadata"]["id"] for _ in range(10)]

    answer = ask("read", *({"id": each} for each in made), *({"id": each} for each in made))

    read = [code for code in codes(answer) if code is None]
    assert {*codes(answer)} == {None, "payload_too_large"}
    assert 8 <= len(read) <= 16


def test_the_log_names_each_kind_of_refusal_once(ask, live):
    answer = ask(
        "decrypt", *({"ciphertext": "Z2FyYmFnZQ=="} for _ in range(50)), headers={"X-Request-ID": "refused-50"}
    )

    assert codes(answer) == ["ciphertext_rejected"] * 50
    assert live.log.read_text().count("refused-50") == 1
