"""Values, data keys and tokens are nowhere but in the answer that must carry them; names and contexts stay inside."""

import json

import pytest

from sealring_local.roots import Roots
from secrecy.canaries import leaks


def shown(answer):
    return json.dumps(dict(answer.headers)).encode() + answer.raw


def test_every_refusal_was_seen(aftermath):
    statuses = {answer.status for answer in aftermath.driven.refusals.values()}

    assert statuses == {400, 401, 403, 404, 405, 409, 413, 415, 422, 500, 501, 503, 507}


def test_every_route_was_driven_with_success(aftermath):
    driven = aftermath.driven

    assert driven.carriers.keys() == {
        *("read", "read by name", "read version", "data key", "decrypt", "rekey"),
        *("decrypt items", "read items"),
        *("Decrypt", "DecryptBulk", "Decrypt in proto", "decrypt with a ring"),
    }
    assert {
        "create first", "update", "metadata", "versions", "list", "delete", "restore", "live", "ready",
        "Liveness", "Encrypt", "Encrypt in proto", "EncryptBulk", "ReEncrypt", "encrypt with a ring", "rotate",
    } <= driven.successes.keys()  # fmt: skip


def test_the_answers_that_must_carry_a_secret_do(aftermath):
    driven = aftermath.driven

    found = {what: leaks(answer.raw, driven.values | driven.deks) for what, answer in driven.carriers.items()}

    assert [what for what, secrets in found.items() if not secrets] == []


def test_no_other_answer_carries_a_secret(aftermath):
    driven = aftermath.driven

    found = {what: leaks(shown(answer), driven.secrets) for what, answer in driven.successes.items()}

    assert {what: secrets for what, secrets in found.items() if secrets} == {}


@pytest.mark.parametrize("kind", ["values", "deks", "tokens", "names", "contexts"])
def test_no_refusal_repeats_what_was_sent(aftermath, kind):
    driven = aftermath.driven

    found = {what: leaks(shown(answer), getattr(driven, kind)) for what, answer in driven.refusals.items()}

    assert {what: secrets for what, secrets in found.items() if secrets} == {}


def test_no_refusal_of_the_http_server_repeats_what_was_sent(aftermath):
    driven = aftermath.driven

    found = {what: leaks(answer, driven.everything) for what, answer in driven.raw_refusals.items()}

    assert {what: secrets for what, secrets in found.items() if secrets} == {}


@pytest.mark.parametrize("kind", ["values", "deks", "tokens", "names", "contexts"])
def test_nothing_that_was_sent_is_in_the_output_of_the_server(aftermath, kind):
    found = leaks(aftermath.files["server.log"], getattr(aftermath.driven, kind))

    assert found == []


def test_all_that_can_be_logged_was(aftermath):
    events = {json.loads(line)["event"] for line in aftermath.files["server.log"].splitlines() if line.startswith(b"{")}

    assert {"notice", "refusal", "alarm", "access", "slow"} <= events


@pytest.mark.parametrize("kind", ["values", "deks", "tokens", "names", "contexts"])
def test_nothing_that_was_sent_is_in_metrics_and_traces(aftermath, kind):
    sent = getattr(aftermath.driven, kind)

    assert (
        b'sealring_http_request_duration_seconds_count{method="GET",route="/vault/v1/kv/{object_id}"'
        in aftermath.metrics
    )
    assert b"/vault/v1/kv/{object_id}" in aftermath.traces
    assert (leaks(aftermath.metrics, sent), leaks(aftermath.traces, sent)) == ([], [])


@pytest.mark.parametrize("kind", ["values", "deks", "tokens", "names", "contexts"])
def test_nothing_that_was_sent_is_in_a_key_of_the_store(aftermath, kind):
    found = leaks(aftermath.store_keys, getattr(aftermath.driven, kind))

    assert found == []


def test_no_secret_is_in_a_value_of_the_store(aftermath):
    found = leaks(aftermath.store_values, aftermath.driven.secrets)

    assert found == []


def test_the_names_of_objects_are_found_in_the_store_so_the_scan_reads_it(aftermath):
    found = leaks(aftermath.store_values, {"name lasting": aftermath.driven.names["name lasting"]})

    assert found == ["name lasting (raw)"]


def test_the_append_only_file_is_among_the_files_that_are_scanned(aftermath):
    holding = [name for name, text in aftermath.files.items() if aftermath.driven.names["name lasting"] in text]

    assert [name.endswith(".aof") for name in holding] == [True]


def test_no_secret_is_in_any_file(aftermath):
    found = {name: leaks(text, aftermath.driven.secrets) for name, text in aftermath.files.items()}

    assert {name: secrets for name, secrets in found.items() if secrets} == {}


def test_the_keys_of_the_operator_are_in_no_other_file(aftermath):
    roots = Roots.parse(aftermath.key_files["root.key"].decode()).keys
    keys = {f"root key {name.domain}": key for name, key in roots.items()}
    keys["signing key"] = aftermath.key_files["token-key.pem"][40:120]

    found = {name: leaks(text, keys) for name, text in aftermath.files.items()}

    assert {name: secrets for name, secrets in found.items() if secrets} == {}


def test_the_log_says_of_each_fault_where_it_was_and_nothing_more(aftermath):
    known = {"time", "event", "message", "request_id", "route", "status", "code", "reason", "exception", "at"}
    known |= {"trace_id", "provider_request_id", "ms", "bytes", "auth_ms", "queue_ms", "store_ms", "kms_ms"}
    lines = [json.loads(line) for line in aftermath.files["server.log"].splitlines() if line.startswith(b"{")]

    assert len(lines) > 100
    assert {member for line in lines for member in line} <= known


def test_nothing_was_a_fault_of_ours(aftermath):
    lines = [json.loads(line) for line in aftermath.files["server.log"].splitlines() if line.startswith(b"{")]

    assert [line for line in lines if line["event"] == "fault"] == []
