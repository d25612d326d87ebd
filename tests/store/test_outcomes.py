"""What became of a write is told to those who may know it, and to nobody else."""

import itertools

import pytest

from sealring.domain.ids import OrgId
from sealring.services.operations import Progress
from store.sending import create, sends
from support.make import ACME, BETA, ENVIRONMENT, caller, services


@pytest.fixture
def use(store):
    return services(store)


def test_what_became_of_a_write_can_be_asked(use):
    who = sends("create", name="key-1")
    record = create(use, who)

    operation = use.operations.find(who, "key-1")

    assert operation.progress is Progress.COMMITTED
    assert operation.outcome.object_id == record.id.raw
    assert operation.outcome.version_id == record.current.id


def test_a_write_that_never_was_is_not_found(use):
    assert use.operations.find(caller(ACME), "key-1").progress is Progress.NOT_FOUND


def another_organization(store, *, beside):
    """An organization in the partition of ACME: it does not lie elsewhere, which hides it by itself; or in another."""
    here = store.objects.home(ENVIRONMENT, ACME).partition
    orgs = (OrgId(f"org_{number}") for number in itertools.count())
    return next(org for org in orgs if (store.objects.home(ENVIRONMENT, org).partition == here) is beside)


def test_nobody_else_is_told_what_became_of_a_write(use):
    create(use, sends("create", name="key-1"))

    assert use.operations.find(caller(ACME), "key-1").progress is Progress.COMMITTED
    assert use.operations.find(caller(ACME, subject="bob"), "key-1").progress is Progress.NOT_FOUND


def test_a_caller_for_another_organization_is_not_told_even_of_its_own_write(use, store):
    create(use, sends("create", name="key-1"))
    elsewhere = caller(another_organization(store, beside=True))

    assert elsewhere.principal.actor == caller(ACME).principal.actor
    assert use.operations.find(elsewhere, "key-1").progress is Progress.NOT_FOUND


def test_of_writes_of_one_name_in_two_organizations_the_newest_is_told(use, store):
    everywhere = sends("create", name="key-1", who=caller())
    create(use, everywhere)
    newest = create(use, everywhere, organization_id=another_organization(store, beside=False))

    assert use.operations.find(everywhere, "key-1").outcome.object_id == newest.id.raw


def test_a_caller_for_all_organizations_is_told_of_its_writes_in_each(use):
    everywhere = sends("create", name="key-1", who=caller())
    record = create(use, everywhere, organization_id=BETA)

    assert use.operations.find(everywhere, "key-1").outcome.object_id == record.id.raw
