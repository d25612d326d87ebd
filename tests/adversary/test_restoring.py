"""Who may only restore learns nothing of what is not deleted, and whoever learns something leaves an event.

Attacks Accountability (SECURITY.md) and the permissions of docs/tokens.md: `restore` of an object that is live.
"""

import uuid

import pytest

from adversary.stepper import at_every_gap
from sealring.domain.principal import Permission

RESTORE_ALONE = frozenset({Permission.OBJECTS_RESTORE})
RESTORE_AND_READ = frozenset({Permission.OBJECTS_RESTORE, Permission.OBJECTS_READ})


@pytest.fixture
def org():
    return f"org_{uuid.uuid4().hex[:16]}"


@pytest.fixture
def server(servers):
    return servers.one


def made_by(server, org):
    body = {"name": "hidden name", "value": "v", "key_context": {"organization_id": org, "pair": "hidden pair"}}
    made = server.ask("POST", "/vault/v1/kv", token=server.token(org, subject="hidden author"), body=body)
    assert made.status == 201
    return made.json


def restore(server, org, made, permissions):
    return server.ask("POST", f"/sealring/v1/kv/{made['id']}/restore", token=server.token(org, permissions=permissions))


def events(server):
    """How many audit events there are."""
    with server.store as store:
        return sum(store.xlen(key) for key in store.scan_iter(b"s1:{*}:a"))


def test_who_may_only_restore_learns_nothing_of_a_live_object(server, org):
    made = made_by(server, org)

    answer = restore(server, org, made, RESTORE_ALONE)

    told = [
        each for each in ("hidden name", "hidden pair", "hidden author", made["version_id"]) if each in str(answer.raw)
    ]
    assert told == []


def test_a_restore_of_a_live_object_that_tells_of_it_leaves_an_event(server, org):
    made = made_by(server, org)
    before = events(server)

    answer = restore(server, org, made, RESTORE_AND_READ)

    assert events(server) > before or b"hidden name" not in answer.raw


def test_who_may_only_restore_still_restores(server, org):
    made = made_by(server, org)
    assert server.ask("DELETE", f"/vault/v1/kv/{made['id']}", token=server.token(org)).status == 200

    answer = restore(server, org, made, RESTORE_ALONE)

    assert answer.status == 200
    assert server.ask("GET", f"/vault/v1/kv/{made['id']}", token=server.token(org)).json["value"] == "v"


def test_a_restore_beside_a_delete_is_never_told_that_there_is_nothing(scene):
    """The object is live when it looks, and deleted when it would describe it."""
    org = scene.organization()

    def prepared():
        text_id = str(org.object().id)
        return (
            lambda: scene.watched.use.objects.restore(org.caller, text_id),
            lambda: scene.rival.use.objects.delete(org.caller, text_id, version_check=None),
        )

    failures = [taken.failure for taken in at_every_gap(scene.stepper, prepared)]

    assert len(failures) > 1
    assert set(failures) == {None}
