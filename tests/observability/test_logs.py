"""The access log, the log of slow requests, and traces of a real server say what they may, and join by their ids."""

import json
import uuid
from contextlib import suppress

import pytest
import redis

from sealring.errors import SettingsInvalid
from sealring.observability import traces
from sealring.operator.embedded import EmbeddedValkey
from support.collecting import TELL, collecting
from support.live import live_server, serving
from support.waiting import becomes_true

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
SLOW = "[logs]\nslow_ms = 250\n"


@pytest.fixture(scope="module", params=["loop", "threads"])
def told(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with (
        collecting() as collector,
        live_server(folder, workers=1, more=TELL.format(endpoint=collector.endpoint), worker=request.param) as live,
    ):
        live.collector = collector
        yield live


def lines(live, event, request_id):
    found = [json.loads(line) for line in live.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in found if (line["event"], line.get("request_id")) == (event, request_id)]


def line(live, event, request_id):
    assert becomes_true(lambda: lines(live, event, request_id) != [])
    (only,) = lines(live, event, request_id)
    return only


def created(live, **headers):
    request_id = uuid.uuid4().hex
    body = {"key_context": {"organization_id": "org_acme"}, "name": f"name-{request_id}", "value": "a value"}
    sent = {"X-Request-ID": request_id, **headers}
    answer = live.ask("POST", "/vault/v1/kv?x=query", token=live.token("org_acme"), body=body, headers=sent)
    assert answer.status in {200, 201}
    return request_id, answer


def test_an_access_line_has_these_fields_and_no_others(told):
    request_id, answer = created(told, traceparent=PARENT)

    access = line(told, "access", request_id)

    assert access.keys() == {"time", "event", "request_id", "trace_id", "route", "status", "ms", "bytes"}
    assert (access["trace_id"], access["route"], access["bytes"]) == (TRACE, "POST /vault/v1/kv", len(answer.raw))
    assert access["status"] == answer.status


def test_a_refusal_names_the_route_as_the_access_line_does(told):
    request_id = uuid.uuid4().hex

    answer = told.ask(
        "GET", "/vault/v1/kv/name/a/b", token=told.token("org_acme"), headers={"X-Request-ID": request_id}
    )

    assert answer.status == 404
    assert line(told, "access", request_id)["route"] == "GET /vault/v1/kv/name/{name}"
    assert line(told, "refusal", request_id)["route"] == "GET /vault/v1/kv/name/{name}"


def test_a_slow_line_says_what_the_request_has_waited_for(told):
    request_id, _ = created(told)

    slow = line(told, "slow", request_id)

    assert slow.keys() == {
        "time", "event", "request_id", "trace_id", "route", "status", "ms", "auth_ms", "queue_ms", "store_ms", "kms_ms",
    }  # fmt: skip
    assert 0 < slow["store_ms"] <= slow["ms"]
    assert slow["auth_ms"] + slow["queue_ms"] + slow["store_ms"] + slow["kms_ms"] <= slow["ms"] + 1


@pytest.mark.parametrize("worker", ["loop", "threads"])
def test_the_wait_for_a_store_that_is_away_is_one_for_the_store(worker, tmp_path):
    """Though the check of the token needs it, too, once the list of revoked tokens is old."""
    with EmbeddedValkey(tmp_path) as store, serving(tmp_path, store.url, workers=1, more=SLOW, worker=worker) as live:
        token, request_id = live.token("org_acme"), uuid.uuid4().hex
        assert live.ask("GET", "/vault/v1/kv", token=token).status == 200
        with suppress(redis.ConnectionError):
            live.store.shutdown(nosave=True)

        for _ in range(3):
            asked = live.ask("GET", "/vault/v1/kv", token=token, headers={"X-Request-ID": request_id})
            assert asked.status == 503

        assert becomes_true(lambda: len(lines(live, "slow", request_id)) == 3)
        for slow in lines(live, "slow", request_id):
            assert slow["store_ms"] > 0.9 * slow["ms"]
            assert slow["auth_ms"] + slow["queue_ms"] + slow["store_ms"] + slow["kms_ms"] <= slow["ms"] + 1


def test_a_refusal_has_the_trace_of_its_caller(told):
    request_id = uuid.uuid4().hex
    told.ask("GET", "/vault/v1/kv/nonsense", token="x", headers={"X-Request-ID": request_id, "traceparent": PARENT})

    assert line(told, "refusal", request_id)["trace_id"] == TRACE


def test_a_traceparent_that_is_none_is_in_no_line(told):
    request_id = uuid.uuid4().hex
    told.ask("GET", "/vault/v1/kv/nonsense", token="x", headers={"X-Request-ID": request_id, "traceparent": "s3cret"})
    line(told, "refusal", request_id)

    assert "s3cret" not in told.log.read_text()


def test_the_spans_of_a_request_continue_the_callers_trace(told):
    request_id, _ = created(told, traceparent=PARENT)
    assert becomes_true(lambda: request_id in told_ids(told))

    (span,) = [
        each
        for each in told.collector.named("POST /vault/v1/kv")
        if attributes(each).get("sealring.request_id") == request_id
    ]
    parts = [each.name for each in told.collector.spans if each.parent_span_id == span.span_id]

    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)
    assert attributes(span) == {
        "http.request.method": "POST",
        "http.route": "/vault/v1/kv",
        "http.response.status_code": "200" if attributes(span)["http.response.status_code"] == "200" else "201",
        "sealring.request_id": request_id,
    }
    assert {"auth", "queue", "store"} <= set(parts)


def test_a_request_that_its_caller_does_not_sample_is_in_no_trace(told):
    left_out, _ = created(told, traceparent=f"00-{TRACE}-{SPAN}-00")
    sent, _ = created(told)
    assert becomes_true(lambda: sent in told_ids(told))

    assert left_out not in told_ids(told)


def test_traces_without_their_libraries_are_refused(monkeypatch):
    monkeypatch.setattr(traces, "_LIBRARIES", ("no_such_library.at_all",))

    with pytest.raises(SettingsInvalid, match=r"^\[traces\] needs libraries .*: pip install 'sealring\[otel\]'$"):
        traces.check_installed()


def attributes(span):
    return {each.key: each.value.string_value or str(each.value.int_value) for each in span.attributes}


def told_ids(live):
    return {attributes(span).get("sealring.request_id") for span in live.collector.spans}
