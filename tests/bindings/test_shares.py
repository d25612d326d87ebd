"""One organization's storm on keys that do not answer: what does it cost a neighbour? Over HTTP, as an attacker would."""

import threading
import time
import uuid
from contextlib import contextmanager

import pytest

from support.live import KEYS_OF_CUSTOMERS, live_server

BINDINGS = "/sealring/v1/bindings"
CLIENTS = 48  # more than the server has threads
ANSWERS = {200, 409, 429, 503}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with live_server(tmp_path_factory.mktemp("shares"), threads=8) as server:
        yield server


@pytest.fixture
def org():
    return f"org_{uuid.uuid4().hex[:12]}"


def bind(server, org, key, match=None):
    body = {"organization_id": org, "provider": "example", "key": key, "activate": True}
    body |= {"match": {"organization_id": org, **match}} if match else {}
    made = server.ask("POST", BINDINGS, token=server.token(org), body=body)
    assert (made.status, made.json.get("state")) == (201, "active"), made.json
    return made.json["id"]


def create(server, org, **pairs):
    body = {"name": uuid.uuid4().hex, "value": "v", "key_context": {"organization_id": org, **pairs}}
    made = server.ask("POST", "/vault/v1/kv", token=server.token(org), body=body)
    assert made.status == 201, made.json
    return made.json["id"]


@contextmanager
def silent(server, *keys):
    """Keys that take a call and never answer it."""
    server.kms.states |= dict.fromkeys(keys, "SILENCE")
    try:
        yield
    finally:
        for key in keys:
            del server.kms.states[key]


@contextmanager
def storm(server, org, requests):
    """Clients of one organization that ask again as soon as they are answered; yields statuses and seconds so far."""
    over, answers, token = threading.Event(), [], server.token(org)

    def client(number):
        method, path = requests[number % len(requests)]
        while not over.wait(0.1):
            began = time.monotonic()
            answers.append((server.ask(method, path, token=token).status, time.monotonic() - began))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()


def slowest_read(server, object_id, seconds):
    """The slowest of a neighbour's reads during so many seconds."""
    token, until, slowest = server.token("org_neighbour"), time.monotonic() + seconds, 0.0
    while time.monotonic() < until:
        began = time.monotonic()
        assert server.ask("GET", f"/vault/v1/kv/{object_id}", token=token).status == 200
        slowest = max(slowest, time.monotonic() - began)
        threading.Event().wait(0.01)
    return slowest


def slowest_reads(server, org, keys, requests):
    """A neighbour's slowest reads in seconds, during the same storm: while the keys answer, and while they do not."""
    neighbours = create(server, "org_neighbour")
    with storm(server, org, requests):
        without = slowest_read(server, neighbours, 2)
    with silent(server, *keys), storm(server, org, requests) as answers:
        within = slowest_read(server, neighbours, 4)  # a call to a key that does not answer is given up after three
    statuses, seconds = zip(*answers, strict=True)
    assert set(statuses) <= ANSWERS
    assert max(seconds) > 2  # for a key that does not answer
    return without, within


def is_no_slower(without, within):
    """With much to spare: what a call to a key that does not answer would add is three seconds."""
    return within < max(1.0, 3 * without)


def asks(server, org):
    """Everything that waits for keys, by what it is called; and the keys of the organization."""
    guarded, bound = [], []
    for key in KEYS_OF_CUSTOMERS:
        bound.append(bind(server, org, key, {"part": key}))
        guarded.append(create(server, org, part=key))
    return {
        "explain": [("GET", f"/sealring/v1/kv/{guarded[0]}/explain")],
        "validate": [("POST", f"{BINDINGS}/{bound[0]}/validate")],
        "activate": [("POST", f"{BINDINGS}/{bound[0]}/activate")],
        "read": [("GET", f"/vault/v1/kv/{each}") for each in guarded],
    }


def test_a_storm_on_dead_keys_costs_the_others_nothing(server, org):
    requests = [request for each in asks(server, org).values() for request in each]

    without, within = slowest_reads(server, org, KEYS_OF_CUSTOMERS, requests)

    assert is_no_slower(without, within)


@pytest.mark.torture
@pytest.mark.parametrize("kind", ["explain", "validate", "activate", "read"])
def test_a_storm_of_one_kind_costs_the_others_nothing(server, org, kind):
    without, within = slowest_reads(server, org, KEYS_OF_CUSTOMERS, asks(server, org)[kind])

    assert is_no_slower(without, within)
