"""Readiness says what works and what does not, and nothing of tenants, hosts or versions."""

import pytest

from sealring.auth.scoping import Authenticator
from sealring.errors import KeyUnavailable, StoreLost, StoreUnavailable
from sealring.http.app import Surroundings, make_server
from sealring.http.health.views import HealthViews, Readiness
from sealring.observability.logs import Log
from support.clock import Clock
from support.make import NO_SERVICES, limiter


class World:
    """What the checks meet: a failure to raise, or none. Counts how often the store is asked."""

    def __init__(self):
        self.store = self.keys = None
        self.asked = 0
        self.refused = False

    def check_store(self):
        self.asked += 1
        if self.store is not None:
            raise self.store

    def check_keys(self):
        if self.keys is not None:
            raise self.keys


@pytest.fixture
def world():
    return World()


@pytest.fixture
def client(world):
    checks = {"store": world.check_store, "keys": world.check_keys}
    readiness = Readiness(checks, "single", lambda: world.refused)
    surroundings = Surroundings(Authenticator(None, None), limiter(), bytes, readiness, Log(), 1 << 20)
    return make_server(NO_SERVICES, surroundings).test_client()


def answer(client, path):
    reply = client.get(path)
    return reply.status_code, reply.json


def test_a_process_that_runs_is_alive(client, world):
    world.store = StoreUnavailable("away")

    assert answer(client, "/livez") == (200, {"status": "alive"})


def test_a_server_that_works_is_ready(client):
    assert answer(client, "/readyz") == (200, {"status": "ready"})


@pytest.mark.parametrize(
    ("failure", "failed"),
    [
        ({"store": StoreUnavailable("away")}, {"store": "store_unavailable"}),
        ({"store": StoreLost()}, {"store": "store_lost"}),
        ({"keys": KeyUnavailable("away")}, {"keys": "kms_unavailable"}),
    ],
)
def test_one_failed_check_makes_it_not_ready(client, world, failure, failed):
    vars(world).update(failure)

    assert answer(client, "/readyz") == (503, {"status": "not ready", "failed": failed})


@pytest.mark.parametrize("path", ["/readyz", "/readyz?verbose"])
def test_settings_that_were_refused_are_told_and_stop_nothing(client, world, path):
    world.refused = True
    status, told = answer(client, path)

    world.refused = False

    assert (status, told["status"]) == (200, "ready")
    assert told["settings"] == (
        "the last reload was refused, and the previous settings stay in force; the log says why"
    )
    assert "settings" not in answer(client, path)[1]


@pytest.mark.parametrize("query", ["verbose", "verbose=", "verbose=1", "x=%ff&verbose"])
def test_asked_for_more_it_lists_the_checks_and_the_durability(client, query):
    assert answer(client, f"/readyz?{query}") == (
        200,
        {"status": "ready", "checks": {"store": "ok", "keys": "ok"}, "durability": "single"},
    )


def test_asked_for_more_it_says_which_check_failed(client, world):
    world.keys = KeyUnavailable("away")

    assert answer(client, "/readyz?verbose") == (
        503,
        {
            "status": "not ready",
            "failed": {"keys": "kms_unavailable"},
            "checks": {"store": "ok", "keys": "kms_unavailable"},
            "durability": "single",
        },
    )


@pytest.mark.parametrize("query", ["", "terse", "verbosely", "x=verbose", "%ff&=&&"])
def test_another_query_changes_nothing(client, query):
    assert answer(client, f"/readyz?{query}") == (200, {"status": "ready"})


def test_both_answers_come_from_one_asking(client, world):
    client.get("/readyz")
    client.get("/readyz?verbose")
    client.get("/readyz")

    assert world.asked == 1


def test_what_was_found_holds_for_two_seconds_and_no_longer(world):
    clock = Clock()
    views = HealthViews(Readiness({"store": world.check_store}, "single"), clock)
    began, found = clock.now, []

    for after_s, store in (
        (0, None),
        (1.9, StoreUnavailable("away")),
        (2, StoreUnavailable("away")),
        (3.9, None),
        (4, None),
    ):
        clock.now, world.store = began + after_s, store
        found.append((views.ready().status, world.asked))

    assert found == [(200, 1), (200, 1), (503, 2), (503, 2), (200, 3)]


def test_a_live_server_lists_its_checks(live):
    reply = live.ask("GET", "/readyz?verbose")

    assert (reply.status, reply.json) == (
        200,
        {"status": "ready", "checks": {"store": "ok", "keys": "ok", "revocations": "ok"}, "durability": "single"},
    )


def test_a_live_server_notes_its_durability_at_start(live):
    assert '"event":"notice","message":"durability: single"' in live.log.read_text()


def test_a_server_has_not_started_before_it_was_ready(client, world):
    world.store = StoreUnavailable("away")

    starting = (503, {"status": "starting", "failed": {"store": "store_unavailable"}})
    assert [answer(client, "/startupz") for _ in range(2)] == [starting, starting]


def test_a_server_that_was_ready_has_started_whatever_follows(world):
    clock = Clock()
    views = HealthViews(Readiness({"store": world.check_store}, "single"), clock)
    assert views.started().status == 200
    clock.now += 60
    world.store = StoreUnavailable("away")

    assert (views.started().status, views.ready().status) == (200, 503)
    assert views.started().body == b'{"status":"started"}'


def test_a_live_server_has_started(live):
    assert (live.ask("GET", "/startupz").status, live.ask("GET", "/startupz").json) == (200, {"status": "started"})
