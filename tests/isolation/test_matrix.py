"""Tenancy, as one table: every route, and everybody who may call it or may not."""

from dataclasses import fields

import pytest

from isolation.acme import organization
from isolation.callers import CALLERS, OWNER, another_key, expired, lacking, no_token, other, signed
from isolation.routes import CODES, OPEN, RINGS, TABLE
from sealring.domain.principal import Permission
from sealring.http.app import Surroundings, guarded_routes, make_server
from support.live import LiveServer
from support.make import NO_SERVICES
from support.s3 import objects

GUARDED = {f"{route.method} {route.rule}": route for route in guarded_routes(NO_SERVICES)}

EVERYWHERE = [("live", row) for row in TABLE] + [("in_bucket", row) for row in TABLE if row.permission == RINGS]
CELLS = [
    pytest.param(server, row, caller, getattr(row, caller.__name__), id=f"{server}-{row}-{caller.__name__}")
    for server, row in EVERYWHERE
    for caller in CALLERS
]
REFUSED_WRITES = [
    pytest.param(server, row, caller, id=f"{server}-{row}-{caller.__name__}")
    for server, row in EVERYWHERE
    for caller in (other, no_token, expired, another_key, lacking)
    if row.method != "GET" and getattr(row, caller.__name__) in {401, 403, 404}
]

# What is restored is described, and who may restore may not therefore read what was never deleted.
NOT_ENOUGH = {"POST /sealring/v1/kv/<object_id>/restore live": 403}


def test_every_guarded_route_has_a_row():
    assert {row.route for row in TABLE} == set(GUARDED)


def test_every_route_of_the_server_is_guarded_or_known_to_be_open():
    around = Surroundings(**dict.fromkeys(each.name for each in fields(Surroundings)) | {"max_value_bytes": 1})

    rules = make_server(NO_SERVICES, around).url_map.iter_rules()

    assert {f"{method} {rule.rule}" for rule in rules for method in rule.methods - {"HEAD"}} == set(GUARDED) | set(OPEN)


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_guarded_route_takes_the_permission_of_its_row(row):
    assert GUARDED[row.route].permission is Permission(row.permission)


@pytest.mark.parametrize(("server", "row"), EVERYWHERE, ids=str, indirect=["server"])
def test_a_caller_with_that_permission_and_no_other_gets_the_owners_answer(server, row):
    path, body = row.request(organization(server, OWNER))
    token = server.token(OWNER, permissions=frozenset({Permission(row.permission)}))

    assert server.ask(row.method, path, token=token, body=body).status == NOT_ENOUGH.get(str(row), row.own)


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_guarded_route_says_what_its_row_says_of_a_stranger(row):
    if not row.case:
        assert GUARDED[row.route].stranger == row.other


def test_no_route_is_opened_by_being_for_all_organizations():
    assert Permission.ALL_ORGANIZATIONS not in {route.permission for route in GUARDED.values()}


@pytest.mark.parametrize("route", OPEN)
def test_an_open_route_tells_everybody_the_same_and_names_nobody(live, route):
    method, path = route.split(" ")
    made = organization(live, "org_unmentioned").object()

    answers = [live.ask(method, path, token=token) for token in (None, live.token("org_unmentioned"), live.token())]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert len({answer.raw for answer in answers}) == 1
    for hidden in ("org_unmentioned", made["name"], made["id"], made["environment_id"]):
        assert hidden.encode() not in answers[0].raw


def test_the_forged_tokens_would_be_good_without_their_one_fault(live):
    answer = live.ask("GET", "/vault/v1/kv", token=signed(live))

    assert answer.status == 200


@pytest.mark.parametrize(("server", "row", "caller", "status"), CELLS, indirect=["server"])
def test_each_caller_gets_the_answer_of_the_table(server, row, caller, status):
    path, body = row.request(organization(server, OWNER))

    answer = server.ask(row.method, path, token=caller(server, Permission(row.permission)), body=body)

    assert answer.status == status
    assert answer.json.get("code") == CODES.get(status)


@pytest.mark.parametrize(("server", "row", "caller"), REFUSED_WRITES, indirect=["server"])
def test_a_refused_write_changes_nothing_in_the_store(server, row, caller):
    path, body = row.request(organization(server, OWNER))
    token = caller(server, Permission(row.permission))
    before = stored(server)

    server.ask(row.method, path, token=token, body=body)

    after = stored(server)
    expired = {key for key in before.keys() - after.keys() if b":i:" in key}  # outcomes of earlier requests
    assert after == {key: raw for key, raw in before.items() if key not in expired}


DUMPS = "local found = {} for at, key in ipairs(KEYS) do found[at] = redis.call('DUMP', key) or '' end return found"
NOT_OF_CALLERS = (b":a", b":w", b":ready", b":purge")  # sealring.store.schema.keyspace


def stored(server: LiveServer):
    """All of the store, but for the audit log and what a server writes unasked: its proof, its lease, its fences.

    And all of its bucket, if it has one.
    """
    bucket = server.settings.bucket
    with server.store as client:
        keys = [key for key in client.scan_iter(count=1000) if not key.endswith(NOT_OF_CALLERS)]
        found = {key: raw for key, raw in zip(keys, client.eval(DUMPS, len(keys), *keys), strict=True) if raw != b""}
    return found if bucket is None else found | {key.encode(): raw for key, raw in objects(bucket).items()}
