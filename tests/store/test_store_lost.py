"""A store that is lost under a running server: every request says so, nothing is kept, and the way back is told."""

import json
import shutil
import uuid
from contextlib import contextmanager

import pytest

from faults.store import MortalStore
from support.live import is_ready, serving
from support.waiting import becomes_true

EVENTS = {b"a", b"u"}  # of requests that were decided by what a worker knew, and refused; and what they counted
CONTEXT = {"organization_id": "org_acme"}
LAYOUT, REVOCATIONS = b"s1:layout", b"s1:{*}:r:*"


@contextmanager
def server(folder):
    with MortalStore(folder) as store, serving(folder, store.url) as live:
        live.mortal = store
        assert becomes_true(lambda: live.log.read_text().count("keys: local") == 2)  # both workers have seen the store
        yield live


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with server(tmp_path_factory.mktemp("lost")) as live:
        yield live


@pytest.fixture
def live(shared):
    """A server with an object, whose store is whole again afterwards."""
    with shared.store as store:
        kept = {key: store.dump(key) for key in store.keys("*") if store.ttl(key) < 0}
        yield shared
        for key, raw in kept.items():
            store.restore(key, 0, raw, replace=True)
    assert becomes_true(lambda: is_ready(shared))


def flushed(live):
    with live.store as store:
        store.flushall()


def back_without_its_file(live):
    live.mortal.kill()
    for path in (live.folder / "store").rglob("appendonly*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    live.mortal.start()


def requests_of(name, made, pair):
    kv = "/vault/v1/kv"
    return [
        ("POST", kv, {"name": f"new {uuid.uuid4()}", "value": "v", "key_context": CONTEXT}),
        ("GET", kv, None),
        ("GET", f"{kv}/{made['id']}", None),
        ("GET", f"{kv}/{made['id']}/metadata", None),
        ("GET", f"{kv}/{made['id']}/versions", None),
        ("GET", f"{kv}/name/{name}", None),
        ("PUT", f"{kv}/{made['id']}", {"value": "w"}),
        ("DELETE", f"{kv}/{made['id']}", None),
        ("POST", "/vault/v1/keys/data-key", {"context": CONTEXT}),
        ("POST", "/vault/v1/keys/decrypt", {"keys": pair["encrypted_keys"]}),
        ("GET", "/sealring/v1/bindings?organization_id=org_acme", None),
    ]


def becomes_failed(live, failed) -> bool:
    """Whether all workers come to say so; each keeps for two seconds what it found."""
    answer = {"status": "not ready", "failed": failed}
    return becomes_true(lambda: all(live.ask("GET", "/readyz").json == answer for _ in range(8)))


def alarms_of(live):
    return [each for each in map(as_json, live.log.read_text().splitlines()) if each.get("event") == "alarm"]


def as_json(line):
    return json.loads(line) if line.startswith("{") else {}


@pytest.mark.parametrize("lose", [flushed, back_without_its_file])
def test_every_request_says_that_the_store_is_lost_and_nothing_is_kept(live, lose):
    token = live.token("org_acme")
    name = uuid.uuid4().hex
    body = {"name": name, "value": "v", "key_context": CONTEXT}
    made = live.ask("POST", "/vault/v1/kv", token=token, body=body).json
    pair = live.ask("POST", "/vault/v1/keys/data-key", token=token, body={"context": CONTEXT}).json
    lose(live)

    for _ in range(4):
        for method, path, body in requests_of(name, made, pair):
            answer = live.ask(method, path, token=token, body=body)
            assert (answer.status, answer.json.get("code")) == (503, "store_lost"), (method, path)
            assert "sealring restore" in answer.json["message"]
    assert becomes_failed(live, {"store": "store_lost", "revocations": "store_lost"})

    with live.store as store:
        assert {key[len("s1:{0}:") :][:1] for key in store.keys("*")} <= EVENTS
    alarms = alarms_of(live)
    assert [each["code"] for each in alarms] == ["store_lost"] * len(alarms)
    assert 1 <= len(alarms) <= 4  # one of each worker for each loss, of all those requests
    assert all("sealring restore" in each["message"] for each in alarms)


def test_init_and_restore_say_what_to_do(run_sealring, live, tmp_path):
    flushed(live)
    live.ask("GET", "/readyz")

    told = run_sealring("init", "--data-dir", live.folder, "--store", live.store_url, check=False).stderr

    assert "sealring restore" in told
    assert f"add `--layout {live.folder}/store-layout` to the same `sealring init`" in told


def test_an_empty_store_is_told_with_both_ways_out(run_sealring, live):
    flushed(live)

    told = run_sealring("check-config", "--config", live.folder / "sealring.toml", check=False).stderr

    assert "the store is empty" in told
    assert "`sealring init`" in told
    assert "`sealring restore`" in told


@pytest.mark.parametrize("lost", [LAYOUT, REVOCATIONS])
def test_a_part_that_is_lost_is_seen_by_readiness(live, lost):
    with live.store as store:
        keys = store.keys(lost)
        store.delete(*keys)

    assert becomes_failed(live, {"store": "store_lost"} if lost == LAYOUT else {"revocations": "integrity_failure"})
