"""Nobody spends the limits of somebody else, and nobody gets around their own.

Attacks "Separation of organizations" (SECURITY.md) by what an organization may ask, instead of what it may see: each
request of the table of tenancy, sent by somebody else than the organization that it names or whose object it needs.
"""

from types import SimpleNamespace

import pytest

from isolation.acme import Organization
from isolation.routes import MANAGE, TABLE
from sealring.admission.guard import Guard
from sealring.domain.limits import Limits
from sealring.errors import RateLimited
from sealring.http.app import guarded_routes
from sealring.http.bodies import Bodies
from sealring.http.dispatch import Server
from sealring.observability.logs import Log
from support import stores
from support.make import ACME, BETA, limiter, principal, services

ROWS = [row for row in TABLE if row.permission != MANAGE]
RATE = 50
BURST = 2 * RATE

WHO = {
    "acme": principal(ACME),
    "another of acme": principal(ACME, subject="bob"),
    "stranger": principal(BETA, subject="mallory"),
    "stranger without permissions": principal(ACME, subject="eve", permissions=frozenset()),
    "everybody's": principal(subject="service"),
}


class Door:
    """A server in this process, asked like a live one; a token is a name in WHO."""

    def __init__(self, use, limits):
        authenticator = SimpleNamespace(authenticate=lambda values: WHO[values[0].removeprefix("Bearer ")])
        guard = Guard(authenticator, lambda _: bytes(16), limits)
        self._client = Server(guard, Bodies(1 << 20), guarded_routes(use), (), Log()).test_client()

    def ask(self, method, path, *, token, body=None, headers=None):
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        answer = self._client.open(path, method=method, json=body, headers=sent)
        return SimpleNamespace(status=answer.status_code, json=answer.get_json())


@pytest.fixture
def use():
    return services(stores.memory())


@pytest.fixture
def acme(use):
    """What org_acme makes through a door without limits."""
    return Organization(Door(use, limiter()), ACME, "acme")


@pytest.fixture
def limits():
    """The limits of a worker whose clock stands still: nothing is filled again."""
    return limiter(limits_of=lambda _environment, _org: Limits(requests_per_second=RATE))


@pytest.fixture
def door(use, limits):
    return Door(use, limits)


def left(limits, who):
    """How many requests of `who` are admitted from now on."""
    for number in range(2 * BURST):
        try:
            limits.enter(WHO[who]).leave()
        except RateLimited:
            return number
    return 2 * BURST


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_stranger_spends_none_of_what_an_organization_may_ask(acme, door, limits, row):
    path, body = row.request(acme)

    statuses = {door.ask(row.method, path, token="stranger", body=body).status for _ in range(3)}

    assert statuses <= {row.other, 200}  # what lists or looks for one's own finds nothing
    assert left(limits, "acme") == BURST


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_request_for_an_organization_counts_as_its_own(acme, door, limits, row):
    path, body = row.request(acme)

    door.ask(row.method, path, token="acme", body=body)

    assert left(limits, "another of acme") == BURST - 1


NOT_OF_ONE = {"GET /vault/v1/kv", "GET /sealring/v1/operations/<whole:idempotency_key>"}


@pytest.mark.parametrize("row", [row for row in ROWS if row.route not in NOT_OF_ONE], ids=str)
def test_a_token_for_all_counts_as_the_organization_that_it_acts_for(acme, door, limits, row):
    path, body = row.request(acme)

    answer = door.ask(row.method, path, token="everybody's", body=body)

    assert answer.status == row.everywhere
    assert left(limits, "acme") == BURST - 1


def test_a_token_for_all_does_not_get_around_the_limit_of_an_organization(acme, door, limits):
    path = f"/vault/v1/kv/{acme.object()['id']}"

    statuses = [door.ask("GET", path, token="everybody's").status for _ in range(BURST + 10)]

    assert (statuses.count(200), statuses.count(429)) == (BURST, 10)
    assert left(limits, "acme") == 0


def test_a_request_without_the_permission_counts(door, limits):
    for _ in range(3):
        assert door.ask("GET", "/vault/v1/kv", token="stranger without permissions").status == 403

    assert left(limits, "acme") == BURST - 3


def test_other_names_for_a_token_do_not_get_around_a_limit(use):
    limits = limiter(limits_of=lambda _environment, _org: Limits(requests_per_second=RATE))
    subjects = [principal(ACME, subject=f"subject-{number}") for number in range(3 * BURST)]
    admitted = 0
    for each in subjects:
        try:
            limits.enter(each).leave()
            admitted += 1
        except RateLimited:
            pass

    assert admitted == BURST


def test_a_refused_value_leaves_its_place_to_others(use, acme):
    """Whatever the view raises, and whatever the body is."""
    door = Door(use, limiter(places=1, share=1))
    for body in ({"name": ""}, {"name": "n", "value": 1}, {"name": "n", "value": "v", "key_context": {"a": "b"}}):
        door.ask("POST", "/vault/v1/kv", token="acme", body=body)

    assert door.ask("GET", "/vault/v1/kv", token="acme").status == 200
