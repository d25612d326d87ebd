"""Bindings over HTTP: two servers on one store, and a KMS whose keys their owners switch."""

import threading
import time
import uuid
from contextlib import contextmanager
from statistics import median

import pytest

from sealring.operator.installation import SETTINGS_FILE
from support.live import live_server, running
from support.waiting import becomes_true

ORG = "org_123"
BINDINGS = "/sealring/v1/bindings"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Two servers of two workers each."""
    folder = tmp_path_factory.mktemp("two")
    with (
        live_server(folder, threads=16) as one,
        running(folder / SETTINGS_FILE, folder / "other.log", one.kms, threads=16) as other,
    ):
        yield one, other


@pytest.fixture
def org():
    return f"org_{uuid.uuid4().hex[:12]}"


def bind(server, org, key, **more):
    body = {"organization_id": org, "provider": "example", "key": key, "activate": True, **more}
    made = server.ask("POST", BINDINGS, token=server.token(org), body=body)
    assert (made.status, made.json.get("state")) == (201, "active"), made.json
    return made.json


def create(server, org, **pairs):
    body = {"name": uuid.uuid4().hex, "value": "v", "key_context": {"organization_id": org, **pairs}}
    return server.ask("POST", "/vault/v1/kv", token=server.token(org), body=body)


def read(server, org, made):
    return server.ask("GET", f"/vault/v1/kv/{made.json['id']}", token=server.token(org))


@pytest.mark.parametrize("state", ["KEY_DISABLED", "UNAVAILABLE", "ACCESS_DENIED"])
def test_a_dead_key_of_an_organization_fails_no_check_of_health(servers, org, state):
    one, _ = servers
    bind(one, org, "key_four")
    one.kms.states["key_four"] = state
    try:
        refused = create(one, org)
        found = [one.ask("GET", path).status for path in ("/livez", "/readyz", "/startupz")]
    finally:
        del one.kms.states["key_four"]

    assert refused.status in {424, 503}
    assert found == [200, 200, 200]


def test_a_bound_key_guards_and_its_failure_is_told(servers, org):
    one, other = servers
    binding = bind(one, org, "key_one")
    made = create(other, org, type="card")
    one.kms.states["key_one"] = "KEY_DISABLED"
    try:
        refused = read(one, org, made)
    finally:
        del one.kms.states["key_one"]

    assert made.json["key_id"] == binding["key_id"]
    assert (refused.status, refused.json["code"]) == (424, "cmk_disabled")


def test_an_explanation_names_the_key_and_who_must_act(servers, org):
    one, other = servers
    binding = bind(one, org, "key_one")
    made = create(one, org)
    one.kms.states["key_one"] = "KEY_DISABLED"
    try:
        path = f"/sealring/v1/kv/{made.json['id']}/explain"
        told = other.ask("GET", path, token=other.token(org)).json
        assert becomes_true(lambda: other.ask("GET", path, token=other.token(org)).json["keys"][0]["since"])
    finally:
        del one.kms.states["key_one"]

    (key,) = told["keys"]
    assert told["readable"] is False
    assert {name: key[name] for name in ("key_id", "binding_id", "state", "who_must_act")} == {
        "key_id": binding["key_id"],
        "binding_id": binding["id"],
        "state": "cmk_disabled",
        "who_must_act": "key owner",
    }


def test_the_shape_of_a_binding(servers, org):
    one, _ = servers
    made = bind(one, org, "key_two", show_context=["type"])

    read_again = one.ask("GET", f"{BINDINGS}/{made['id']}", token=one.token(org)).json
    listed = one.ask("GET", f"{BINDINGS}?organization_id={org}", token=one.token(org)).json

    use = {
        **dict.fromkeys(("versions", "data_keys", "keyring_keys"), 0),
        "complete": True,
        "last_used_at": None,
        "state_since": read_again["updated_at"],
    }
    assert read_again == {**made, "use": use} == listed["data"][0]
    assert made["match"] == {"organization_id": org}
    assert (made["combine"], made["max_stale_decrypt_s"], made["findings"]) == ("all", 0, [])


@pytest.mark.parametrize(
    ("wrong", "member"),
    [
        ({"provider": "nokms"}, "provider"),
        ({"organization_id": "a b"}, "organization_id"),
        ({"colour": "red"}, "(unknown)"),
        ({"max_stale_decrypt_s": 61}, "max_stale_decrypt_s"),
        ({"activate": "yes"}, "activate"),
        ({"options": {"x": 1}}, "options"),
        ({"match": {}}, "match"),
    ],
)
def test_what_is_wrong_with_a_binding_is_named(servers, wrong, member):
    one, _ = servers
    body = {"organization_id": ORG, "provider": "example", "key": "key_one", **wrong}

    refused = one.ask("POST", BINDINGS, token=one.token(), body=body)

    assert refused.status == 422, refused.json
    assert member in {error["field"] for error in refused.json["errors"]} | {"(unknown)"}


def revoked_under_load(servers, org, rounds):
    """Disable the key at some moment under load, over and over: the moments of reads that came through too late."""
    one, other = servers
    kms = one.kms
    bind(one, org, "key_three")
    made = create(one, org)
    assert read(other, org, made).status == 200
    late, disabled_at, going, loaded = [], [float("inf")], [True], threading.Event()

    def reader(server):
        while going[0]:
            loaded.wait()
            began = time.monotonic()
            if read(server, org, made).status == 200 and began > disabled_at[0]:
                late.append(began - disabled_at[0])

    threads = [threading.Thread(target=reader, args=(server,)) for server in (one, other) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(rounds):
            loaded.set()
            threads[0].join(0.1 + 0.013 * (number % 7))
            kms.states["key_three"] = "KEY_DISABLED"
            disabled_at[0] = time.monotonic()
            threads[0].join(0.1)
            disabled_at[0] = float("inf")
            loaded.clear()
            del kms.states["key_three"]
            enabled_at = time.monotonic()
            assert becomes_true(lambda: all(read(server, org, made).status == 200 for server in servers))
            assert time.monotonic() - enabled_at < 10
    finally:
        going[0] = False
        loaded.set()
        for thread in threads:
            thread.join()
    return late


def test_a_disabled_key_opens_nothing_that_is_asked_afterwards_and_heals(servers, org):
    assert revoked_under_load(servers, org, 2) == []


@pytest.mark.torture
def test_fifty_revocations_under_load_are_in_force_at_the_next_call(servers, org):
    assert revoked_under_load(servers, org, 50) == []


def percentile_99(took):
    return took[len(took) * 99 // 100]


def neighbours_latencies(server, org, victim, seconds, clients=12, pause=0.05):
    """How long the reads of another organization take while clients of `org` read; seconds, sorted."""
    made = create(server, "org_neighbour")
    going = threading.Event()

    def client():
        while not going.wait(pause):
            assert read(server, org, victim).status in {200, 429, 503}

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    until, took = time.monotonic() + seconds, []
    try:
        while time.monotonic() < until:
            began = time.monotonic()
            assert read(server, "org_neighbour", made).status == 200
            took.append(time.monotonic() - began)
            threads[0].join(0.01)
    finally:
        going.set()
        for thread in threads:
            thread.join()
    return sorted(took)


@contextmanager
def black_hole(server, key):
    server.kms.states[key] = "SILENCE"
    try:
        yield
    finally:
        del server.kms.states[key]


def test_a_black_hole_of_one_organization_leaves_the_others_alone(servers, org):
    """More clients than the server has threads read what cannot be opened: the others find a thread all the same."""
    one, _ = servers
    bind(one, org, "key_one")
    victim = create(one, org)

    with black_hole(one, "key_one"):
        took = neighbours_latencies(one, org, victim, 4, clients=48, pause=0.3)

    assert took[-1] < 2.0  # a call to the key is given up after three seconds


@pytest.mark.torture
def test_a_black_hole_costs_the_others_a_fifth_at_most(servers, org, capsys):
    one, _ = servers
    bind(one, org, "key_one")
    victim = create(one, org)
    without, within = [], []

    for _ in range(5):
        without.append(percentile_99(neighbours_latencies(one, org, victim, 6)))
        with black_hole(one, "key_one"):
            within.append(percentile_99(neighbours_latencies(one, org, victim, 6)))

    with capsys.disabled():
        print(f"\np99 of the others, ms: {1000 * median(without):.1f} without, {1000 * median(within):.1f} with")  # noqa: T201
    assert median(within) <= 1.2 * median(without)
