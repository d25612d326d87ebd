"""The promises of bindings over HTTP, with many callers at once on two servers of two workers.

Attacks "A binding that is suspended, retired or replaced is so at the next request of every worker" and "leaves the
others alone" (docs/byok.md). What is in force at the next request is in force for all who ask next, however many.
"""

import base64
import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest

from adversary.crowd import KEYS, Tenant, at_once, in_one_partition, meanwhile
from adversary.requests_of import OURS, guards_of_blob
from support.waiting import becomes_true

VAULT = "/vault.v1.VaultService"
MEMBERS = {
    "Encrypt": lambda _encrypted: {"data": "x"},
    "Decrypt": lambda encrypted: {"encrypted": encrypted},
    "EncryptBulk": lambda _encrypted: {"items": {"a": "x", "b": "y"}},
    "DecryptBulk": lambda encrypted: {"items": {"a": encrypted, "b": encrypted}},
    "ReEncrypt": lambda encrypted: {"encrypted": encrypted},
}
REFUSED = {424, 429, 503}
CALLERS = 14
ROUNDS = 3


@pytest.fixture
def both(servers):
    return servers.one, servers.other


@contextmanager
def slow(kms, monkeypatch):
    """The KMS answers no call before several have come: who asks it has decided by then, and nobody has answered."""
    together, answer = threading.Barrier(3), kms.answer

    def when_others_ask_too(path, body):
        try:
            together.wait(0.2)
        except threading.BrokenBarrierError:
            together.reset()
        return answer(path, body)

    with monkeypatch.context() as patched:
        patched.setattr(kms, "answer", when_others_ask_too)
        yield


def known_to_all(ask):
    """Ask often enough for each worker to know the bindings as they are."""
    at_once([ask] * 24)


def asked_by_many(ask):
    return at_once([ask] * CALLERS)


def test_nobody_reads_after_a_suspension_was_answered(both, monkeypatch):
    statuses = []
    for _ in range(ROUNDS):
        tenant = Tenant(both)
        binding, made = tenant.bind(), tenant.object()
        read = partial(tenant.read, made)
        known_to_all(read)
        tenant.turn(binding, "suspend")

        with slow(both[0].kms, monkeypatch):
            statuses += [answer.status for answer in asked_by_many(read)]

    assert set(statuses) <= {200} | REFUSED
    assert statuses.count(200) == 0


def test_nobody_gets_a_data_key_under_our_key_after_an_activation_was_answered(both):
    guards = []
    for _ in range(ROUNDS):
        tenant = Tenant(both)
        known_to_all(tenant.data_key)
        tenant.bind()

        made = [each.json["encrypted_keys"] for each in asked_by_many(tenant.data_key) if each.status == 200]
        guards += [guards_of_blob(base64.b64decode(blob)) for blob in made]

    assert guards.count([OURS]) == 0


def test_nothing_is_rekeyed_out_of_an_organization_after_its_suspension_was_answered(both):
    source = Tenant(both)
    target = Tenant(both, source.id)
    binding, blob = source.bind(), source.data_key().json["encrypted_keys"]
    known_to_all(source.data_key)
    known_to_all(target.data_key)
    source.turn(binding, "suspend")
    body = {"encrypted_keys": blob, "context": target.context}

    statuses = [answer.status for answer in asked_by_many(partial(target.ask, "POST", f"{KEYS}/rekey", body))]

    assert set(statuses) <= {200} | REFUSED
    assert statuses.count(200) == 0


@pytest.mark.parametrize("method", ["Encrypt", "Decrypt", "EncryptBulk", "DecryptBulk", "ReEncrypt"])
def test_nobody_uses_a_keyring_through_vault_v1_after_a_suspension_was_answered(both, monkeypatch, method):
    """While others still ask, whose requests began before it."""
    answers = []
    for _ in range(ROUNDS):
        before, tenant = [], Tenant(both)
        ring, binding = f"{tenant.id}/ring", tenant.bind()
        encrypted = tenant.ask("POST", f"{VAULT}/Encrypt", {"keyring": ring, "data": "secret"}).json["encrypted"]
        use = partial(tenant.ask, "POST", f"{VAULT}/{method}", {"keyring": ring, **MEMBERS[method](encrypted)})
        known_to_all(use)

        with meanwhile(lambda use=use, before=before: before.append(use().status), threads=3):
            assert becomes_true(lambda before=before: 200 in before)
            tenant.turn(binding, "suspend")
            with slow(both[0].kms, monkeypatch):
                answers += asked_by_many(use)
        tenant.turn(binding, "activate")
        assert use().status == 200

    told = {(answer.status, answer.json["code"]) for answer in answers if answer.status != 200}
    assert [answer for answer in answers if answer.status == 200] == []
    assert (400, "failed_precondition") in told
    assert told <= {(400, "failed_precondition"), (429, "resource_exhausted"), (503, "unavailable")}


def test_offers_of_a_neighbour_keep_nobody_from_reading_and_writing(both):
    victim, rival = in_one_partition(both, 2)
    victim.bind()
    made = victim.object()
    statuses, took = [], []

    def offer():
        rival.delete_binding(rival.bind(activate=False, match={**rival.context, "offer": str(time.monotonic_ns())}))

    with meanwhile(offer, threads=2):
        for _ in range(40):
            began = time.monotonic()
            statuses += [victim.read(made).status, victim.create().status, victim.data_key().status]
            took.append(time.monotonic() - began)

    assert set(statuses) == {200, 201}
    assert max(took) < 2
