"""A value that was sealed goes no further in clear: what tells repetitions apart is a digest of the request.

Attacks Silence (SECURITY.md): the body of a write that may be repeated, its secret included, on its way to the store.
"""

import hashlib
from dataclasses import fields, is_dataclass
from types import SimpleNamespace

import pytest

from sealring.http.app import Surroundings, make_server
from sealring.http.health.views import Readiness
from sealring.observability.logs import Log
from support import stores
from support.make import limiter, principal, services

SECRET = "canary-on-its-way"
AUTHORIZED = {"Authorization": "Bearer a.b.c", "Content-Type": "application/json"}

each_repeatable = pytest.mark.parametrize(
    "headers", [{"Idempotency-Key": "key-1"}, {"User-Agent": "workos-node/8.13.0"}], ids=["a key", "Node without a key"]
)


class Overheard:
    """What is handed to a store, functions apart: they seal."""

    def __init__(self, store):
        self._store = store
        self.heard = []

    def __getattr__(self, name):
        method = getattr(self._store, name)

        def overheard(*args, **named):
            self.heard += [each for each in (*args, *named.values()) if not callable(each)]
            return method(*args, **named)

        return overheard


def holds(value, secret):
    """Whether it holds the secret, however deep."""
    if isinstance(value, bytes | bytearray):
        return secret.encode() in bytes(value)
    if isinstance(value, str):
        return secret in value
    if is_dataclass(value):
        return any(holds(getattr(value, each.name), secret) for each in fields(value))
    if isinstance(value, dict):
        return any(holds(each, secret) for pair in value.items() for each in pair)
    return isinstance(value, tuple | list | set | frozenset) and any(holds(each, secret) for each in value)


@pytest.fixture
def store():
    store = stores.memory()
    store.objects = Overheard(store.objects)
    return store


@pytest.fixture
def client(store):
    authenticator = SimpleNamespace(authenticate=lambda _headers: principal("org_acme"))
    around = Surroundings(
        authenticator=authenticator,
        limiter=limiter(),
        fingerprint=lambda request: hashlib.sha256(request).digest()[:16],
        readiness=Readiness({}, "single"),
        log=Log(),
        max_value_bytes=1 << 20,
    )
    return make_server(services(store), around).test_client()


def create(client, headers):
    body = {"name": "n", "value": SECRET, "key_context": {"organization_id": "org_acme"}}
    made = client.post("/vault/v1/kv", json=body, headers=AUTHORIZED | headers)
    assert made.status_code == 201, made.text
    return made.json["id"]


@each_repeatable
def test_a_create_hands_no_value_to_the_store(client, store, headers):
    create(client, headers)

    assert store.objects.heard
    assert [each for each in store.objects.heard if holds(each, SECRET)] == []


@each_repeatable
def test_an_update_hands_no_value_to_the_store(client, store, headers):
    made = create(client, {})
    store.objects.heard.clear()

    answer = client.put(f"/vault/v1/kv/{made}", json={"value": f"new {SECRET}"}, headers=AUTHORIZED | headers)

    assert answer.status_code == 201, answer.text
    assert [each for each in store.objects.heard if holds(each, SECRET)] == []
