"""Checks that people watch: one of an organization at a time, on every store, and none for long."""

import pytest

from sealring.domain.checks import CheckProgress, Outcome, Probe, ProbeResult
from sealring.store.checks import RedisChecks
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace
from support import stores
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT
from support.stores import KEYS, STORE_ID, fake_links

BINDING = bytes(range(16))


@pytest.fixture
def links():
    return fake_links()


@pytest.fixture
def checks(links):
    keyspace = Keyspace(4, KEYS)
    markers = Markers(links, keyspace, KEYS, STORE_ID)
    markers.begin()
    return RedisChecks(links, keyspace, markers)


@pytest.fixture(params=["memory", "fakeredis"])
def either(request):
    return stores.memory().checks if request.param == "memory" else stores.on_fakeredis().checks


def test_one_check_of_an_organization_runs_at_a_time(either):
    first, second = CheckProgress.new(BINDING), CheckProgress.new(BINDING)

    assert either.begin(ENVIRONMENT, ACME, first, 30)
    assert not either.begin(ENVIRONMENT, ACME, second, 30)
    assert either.begin(ENVIRONMENT, BETA, second, 30)
    assert either.begin(OTHER_ENVIRONMENT, ACME, second, 30)


def test_the_next_one_begins_when_one_has_ended(either):
    first, second = CheckProgress.new(BINDING), CheckProgress.new(BINDING)
    either.begin(ENVIRONMENT, ACME, first, 30)
    either.write(ENVIRONMENT, ACME, first.ended("done"), 30)

    assert either.load(ENVIRONMENT, ACME) == first.ended("done")
    assert either.begin(ENVIRONMENT, ACME, second, 30)
    assert either.load(ENVIRONMENT, ACME) == second


def test_each_step_is_what_everybody_sees(either):
    begun = CheckProgress.new(BINDING)
    either.begin(ENVIRONMENT, ACME, begun, 30)
    step = begun.with_probe(Probe.STATE, ProbeResult(Outcome.WARNED, ("rotation_off",)))

    either.write(ENVIRONMENT, ACME, step, 30)

    assert either.load(ENVIRONMENT, ACME) == step
    assert either.load(ENVIRONMENT, BETA) is None


def test_a_check_whose_reply_was_lost_is_its_own(checks):
    """The link repeats the command, and finds what it wrote itself."""
    begun = CheckProgress.new(BINDING)

    assert checks.begin(ENVIRONMENT, ACME, begun, 30)
    assert checks.begin(ENVIRONMENT, ACME, begun, 30)


def test_neither_lasts(checks, links):
    begun = CheckProgress.new(BINDING)
    running, ended = (
        Keyspace(4, KEYS).running_check(ENVIRONMENT, ACME),
        Keyspace(4, KEYS).ended_check(ENVIRONMENT, ACME),
    )

    checks.begin(ENVIRONMENT, ACME, begun, 30)
    assert 0 < links.call((b"TTL", running))[0] <= 30
    checks.write(ENVIRONMENT, ACME, begun.ended("done"), 30)

    assert links.call((b"EXISTS", running)) == [0]
    assert 0 < links.call((b"TTL", ended))[0] <= 600


def test_what_sealring_did_not_write_is_no_check(checks, links):
    links.call((b"SET", Keyspace(4, KEYS).ended_check(ENVIRONMENT, ACME), b"<script>"))

    assert checks.load(ENVIRONMENT, ACME) is None
