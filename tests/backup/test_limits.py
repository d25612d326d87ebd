"""Limits that were set are in a backup, and what organizations use is counted again where it is restored."""

import pytest

from backup.kit import updated
from sealring.domain.limits import Override, Use
from sealring.server import wiring
from sealring.services.objects import ObjectLimits
from sealring.store.connection.timing import microseconds
from sealring.store.verify.sweep import Sweep
from support.limits import set_limits
from support.make import ACME, BETA, ENVIRONMENT, caller, context, services
from support.waiting import becomes_true

ME, THEM = caller(ACME), caller(BETA)


@pytest.fixture
def partitions():
    """One, so that all objects are in it."""
    return 1


def now_ms(links):
    return microseconds(links.call((b"TIME",))[0]) // 1000


def stores(opened):
    return wiring.Stores.on(opened.parts)


@pytest.fixture
def environment(installed):
    (environment,) = installed.settings.environments
    return environment


def test_what_was_set_is_in_force_where_it_is_restored(installed, opened, environment):
    set_limits(stores(opened).limits, ACME, Override(objects=5), environment)
    set_limits(stores(opened).limits, ACME, Override(contexts=2), environment)

    installed.restore(installed.back_up())

    with installed.opened(installed.there) as there:
        assert stores(there).limits.load(environment) == {ACME: Override(objects=5, contexts=2)}
    assert installed.findings == []


def test_every_organization_uses_after_a_restore_what_it_used_before(installed, opened):
    few = services(opened.store, limits=ObjectLimits(max_versions=2), provider_gateway=installed.gateway)
    record = opened.use.objects.create(ME, name="name", value="1", context=context())
    for value in ("22", "333", "4444"):
        record = updated(few, ME, record, value)
    deleted = opened.use.objects.create(ME, name="deleted", value="5", context=context(organization_id=ACME, k="v"))
    opened.use.objects.delete(ME, str(deleted.id), version_check=None)
    opened.use.objects.create(THEM, name="theirs", value="6", context=context(organization_id=BETA))
    opened.use.objects.create(caller(), name="nobody's", value="7", context=context(kind="x"))
    before = [stores(opened).usage.load(ENVIRONMENT, org) for org in (ACME, BETA, "")]
    assert before == [Use(2, 3 + 4 + 1 + 3 * 16, 2), Use(1, 17, 1), Use(1, 17, 1)]

    installed.restore(installed.back_up())

    with installed.opened(installed.there) as there:
        assert [stores(there).usage.load(ENVIRONMENT, org) for org in (ACME, BETA, "")] == before
    assert installed.findings == []


def test_counts_that_were_altered_are_right_after_a_restore(installed, opened):
    opened.use.objects.create(ME, name="name", value="1", context=context())
    home = opened.parts.keyspace.home(ENVIRONMENT, ACME)
    opened.links.call((b"DEL", opened.parts.keyspace.usage(home)))

    installed.restore(installed.back_up())

    with installed.opened(installed.there) as there:
        assert stores(there).usage.load(ENVIRONMENT, ACME) == Use(1, 17, 1)


def test_an_organization_that_is_written_during_a_sweep_is_not_compared_and_the_others_are(opened):
    for who, org in ((ME, ACME), (THEM, BETA)):
        opened.use.objects.create(who, name="name", value="1", context=context(organization_id=org))
    keyspace, made = opened.parts.keyspace, []
    theirs = keyspace.usage(keyspace.home(ENVIRONMENT, BETA))
    opened.links.call((b"HINCRBY", theirs, f"o:{ENVIRONMENT}:{BETA}", 1))
    written = now_ms(opened.links)
    assert becomes_true(lambda: now_ms(opened.links) > written)  # the sweep begins later than what it is to count

    def meanwhile(_envelope, _context):
        if not made:
            made.append(opened.use.objects.create(ME, name="meanwhile", value="2", context=context()))

    (found,) = Sweep(opened.parts, meanwhile, lambda _keys: None).findings()

    assert made
    assert found.endswith(
        "counted as 2 objects, 17 bytes and 1 contexts, but there are 1 objects, 17 bytes and 1 contexts"
    )
