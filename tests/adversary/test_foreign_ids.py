"""What belongs to somebody else is answered, to the byte, as what never was.

Attacks "Separation of organizations" (SECURITY.md): blobs of data keys, cursors, object ids, version ids, binding ids and
names of operations, each of another organization, another environment or another server.
"""

import base64
import os
import uuid

import pytest

from adversary.crowd import BINDINGS, KEYS, KV
from isolation.acme import Organization
from isolation.hidden import NEVER_WAS, NO_VERSION, ON_AN_ID

OWNERS = ["another organization", "another environment", "another server"]
NO_BINDING = "00000000-0000-8000-8000-000000000000"

ON_A_BINDING = [
    ("GET", ""),
    ("DELETE", ""),
    *(("POST", f"/{how}") for how in ("validate", "activate", "suspend", "retire")),
]


@pytest.fixture
def me(servers):
    """Who asks."""
    org = f"org_{uuid.uuid4().hex[:16]}"
    return Organization(servers.one, org, servers.one.token(org))


@pytest.fixture(params=OWNERS)
def owner(request, servers, me):
    """Whose it is. In another environment and on another server, an organization of the same id."""
    if request.param == "another organization":
        return Organization(servers.one, "org_owner", servers.one.token("org_owner"))
    if request.param == "another environment":
        return Organization(servers.one, me.id, servers.second.token(me.id))
    live = request.getfixturevalue("live")
    return Organization(live, me.id, live.token(me.id))


def answered(me, method, path, body=None, token=None):
    """All of an answer but the time."""
    headers = {"X-Request-ID": "the-same-for-both"}
    answer = me.live.ask(method, path, token=token or me.token, body=body, headers=headers)
    return answer.status, {name: text for name, text in answer.headers.items() if name != "date"}, answer.raw


def garbage_like(blob):
    return base64.b64encode(os.urandom(len(base64.b64decode(blob)))).decode()


@pytest.mark.parametrize(("path", "member"), [("decrypt", "keys"), ("rekey", "encrypted_keys")])
def test_a_blob_of_somebody_else_is_answered_as_garbage(me, owner, path, member):
    me.blob()
    theirs = owner.blob()

    def ask(blob):
        return answered(me, "POST", f"{KEYS}/{path}", {member: blob, "context": me.context})

    foreign = ask(theirs)
    assert (foreign[0], b'"ciphertext_rejected"' in foreign[2]) == (400, True)
    assert foreign == ask(garbage_like(theirs)) == ask("") == ask("AAAA") == ask("no base64")


@pytest.mark.parametrize("owner", OWNERS[1:], indirect=True)
@pytest.mark.parametrize(("path", "member"), [("decrypt", "keys"), ("rekey", "encrypted_keys")])
def test_a_blob_of_somebody_else_is_garbage_to_who_may_see_all_organizations(servers, me, owner, path, member):
    theirs, everywhere = owner.blob(), servers.one.token()

    def ask(blob):
        return answered(me, "POST", f"{KEYS}/{path}", {member: blob, "context": me.context}, token=everywhere)

    foreign = ask(theirs)
    assert foreign[0] == 400
    assert foreign == ask(garbage_like(theirs))


@pytest.mark.parametrize("field", ["after", "before"])
def test_a_cursor_of_somebody_else_is_answered_as_garbage(me, owner, field):
    for _ in range(2):
        owner.object()
        me.object()
    theirs = owner.ask("GET", f"{KV}?limit=1").json["list_metadata"]["after"]

    def ask(cursor):
        return answered(me, "GET", f"{KV}?limit=1&{field}={cursor}")

    foreign = ask(theirs)
    assert foreign[0] == 400
    assert foreign == ask(base64.urlsafe_b64encode(os.urandom(len(theirs) * 3 // 4)).decode().rstrip("="))
    assert foreign == ask("AAAA") == ask("A") == ask("%2F%2F")


@pytest.mark.parametrize(("method", "path", "body"), ON_AN_ID)
def test_an_object_of_somebody_else_is_answered_as_none(me, owner, method, path, body):
    theirs = owner.object()

    def ask(object_id, version):
        return answered(me, method, path.format(id=object_id, version=version), body)

    foreign = ask(theirs["id"], theirs["version_id"])
    assert foreign[0] == 404
    assert foreign == ask(NEVER_WAS, NO_VERSION)
    assert foreign == ask(_beside(theirs["id"]), NO_VERSION)


def test_an_explanation_of_somebody_elses_object_is_answered_as_of_none(me, owner):
    foreign = answered(me, "GET", f"/sealring/v1/kv/{owner.object()['id']}/explain")

    assert foreign[0] == 404
    assert foreign == answered(me, "GET", f"/sealring/v1/kv/{NEVER_WAS}/explain")


def test_a_version_of_somebody_elses_object_is_answered_as_none_of_mine(me, owner):
    mine, theirs = me.object()["id"], owner.object()["version_id"]

    foreign = answered(me, "GET", f"/sealring/v1/kv/{mine}/versions/{theirs}")

    assert foreign[0] == 404
    assert foreign == answered(me, "GET", f"/sealring/v1/kv/{mine}/versions/{NO_VERSION}")
    assert foreign == answered(me, "GET", f"/sealring/v1/kv/{mine}/versions/no-uuid")


def test_a_version_of_another_object_of_mine_is_answered_as_none(me):
    mine, other = me.object()["id"], me.object()["version_id"]

    foreign = answered(me, "GET", f"/sealring/v1/kv/{mine}/versions/{other}")

    assert foreign == answered(me, "GET", f"/sealring/v1/kv/{mine}/versions/{NO_VERSION}")


@pytest.mark.parametrize(("method", "path"), ON_A_BINDING)
def test_a_binding_of_somebody_else_is_answered_as_none(me, owner, method, path):
    theirs = owner.binding()

    def ask(binding):
        return answered(me, method, f"{BINDINGS}/{binding}{path}", {} if method == "POST" else None)

    foreign = ask(theirs)
    assert foreign[0] == 404
    assert foreign == ask(NO_BINDING) == ask(str(uuid.uuid4())) == ask("no-uuid")


def test_a_binding_of_somebody_else_is_replaced_as_none(me, owner):
    theirs = owner.binding()

    def ask(replaces):
        body = {"organization_id": me.id, "provider": "example", "key": "key_one", "replaces": replaces}
        return answered(me, "POST", BINDINGS, body)

    foreign = ask(theirs)
    assert foreign[0] == 404
    assert foreign == ask(NO_BINDING) == ask(str(uuid.uuid4()))


def test_an_operation_of_somebody_else_is_answered_as_none(me, owner):
    theirs = owner.named_create()

    foreign = answered(me, "GET", f"/sealring/v1/operations/{theirs}")

    assert foreign == answered(me, "GET", "/sealring/v1/operations/never-was")


def _beside(object_id):
    """An unused id of the same partition and tag."""
    return object_id[:15] + object_id[:14:-1]
