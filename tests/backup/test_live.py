"""A server whose store is emptied, and restored, while it runs."""

import base64

import pytest

from backup.kit import unseen
from isolation.acme import Organization, organization
from isolation.routes import TABLE
from sealring.operator import whole_store
from sealring.operator.whole_store import BackupFiles
from support import reader
from support.live import live_server
from support.waiting import becomes_true

WORKING = [row for row in TABLE if row.own < 400 and not row.route.endswith("/setup")]  # which needs no store


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with live_server(tmp_path_factory.mktemp("live"), workers=2, threads=4) as server:
        yield server


@pytest.fixture
def emptied(server, tmp_path):
    """What an organization had before, the backup that was made of it, and a request of each sort that worked."""
    acme = organization(server, "org_acme")
    there = acme.object()
    files = BackupFiles(tmp_path / "data", tmp_path / "keys")
    whole_store.backup(server.settings, files, unseen)
    for _ in range(8):  # by both workers
        new_kek(acme)
    asked = [(row, *row.request(acme)) for row in WORKING]
    with server.store as client:
        client.flushall()
    return acme, there, files, asked


def new_kek(acme: Organization) -> bytes:
    """The id of the KEK of a data key whose context has no KEK in the backup."""
    made = acme.ask("POST", "/vault/v1/keys/data-key", {"context": {**acme.context, "kind": "later"}})
    assert made.status == 200, made
    source = reader.Bytes(base64.b64decode(made.json["encrypted_keys"]))
    (wrap,) = reader.wraps(source, reader.header(source)["combine"])
    return wrap["kek_id"]


def is_ready(server):
    return server.ask("GET", "/readyz").status == 200


def test_nothing_is_answered_from_a_store_that_was_emptied_and_all_is_from_the_restored_one(server, emptied):
    acme, there, files, asked = emptied

    answers = {str(row): acme.ask(row.method, path, body) for row, path, body in asked}

    assert {(answer.status, answer.json["code"]) for answer in answers.values()} == {(503, "store_lost")}
    assert len(answers) > 25
    assert becomes_true(lambda: not is_ready(server))

    with server.store as client:
        client.flushall()  # of the marks and hints that requests left
    restored = whole_store.restore(server.settings, files, unseen, pytest.fail)

    assert restored.objects == 1
    assert becomes_true(lambda: is_ready(server))
    assert acme.ask("GET", f"/vault/v1/kv/{there['id']}").json["value"] == "its value"
    (made,) = {new_kek(acme) for _ in range(16)}
    with server.store as client:
        assert len([key for key in client.keys(b"*}:k:*") if key.endswith(made)]) == 1
