"""Principals: what a caller may see, and what it is refused."""

from dataclasses import replace

import pytest

from sealring.domain.ids import NO_ORG
from sealring.domain.principal import Permission
from sealring.errors import Forbidden
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, principal

READS = frozenset({Permission.OBJECTS_READ})
READS_EVERYWHERE = READS | {Permission.ALL_ORGANIZATIONS}


def test_a_caller_sees_its_own_organizations():
    caller = principal(ACME, permissions=READS)

    assert caller.may_see(ENVIRONMENT, ACME)
    assert not caller.may_see(ENVIRONMENT, BETA)
    assert not caller.may_see(ENVIRONMENT, NO_ORG)


@pytest.mark.parametrize("permissions", [READS, READS_EVERYWHERE])
def test_a_caller_sees_nothing_of_another_environment(permissions):
    assert not principal(ACME, permissions=permissions).may_see(OTHER_ENVIRONMENT, ACME)


def test_a_caller_for_all_organizations_sees_each_and_what_is_nobodys():
    caller = principal(permissions=READS_EVERYWHERE)

    assert caller.may_see(ENVIRONMENT, ACME)
    assert caller.may_see(ENVIRONMENT, NO_ORG)


@pytest.mark.parametrize("org", [BETA, NO_ORG])
def test_an_organization_that_the_token_lacks_is_forbidden(org):
    caller = principal(ACME, permissions=READS)

    caller.require_organization(ACME)
    with pytest.raises(Forbidden):
        caller.require_organization(org)


@pytest.mark.parametrize("org", [ACME, BETA, NO_ORG])
def test_every_organization_is_open_to_a_caller_for_all(org):
    principal(permissions=READS_EVERYWHERE).require_organization(org)


@pytest.mark.parametrize("permission", sorted(set(Permission) - READS))
def test_a_permission_that_the_token_lacks_is_forbidden(permission):
    caller = principal(ACME, permissions=READS)

    caller.require(Permission.OBJECTS_READ)
    with pytest.raises(Forbidden, match=permission.value):
        caller.require(permission)


def test_an_actor_is_a_subject_of_its_issuer():
    assert principal(ACME, subject="alice").actor == "urn:test|alice"


def test_a_caller_that_acts_for_one_organization_may_use_no_keyrings_but_its_own():
    made = replace(principal(ACME, BETA), keyrings=frozenset({"env_1"}))

    assert made.of_one(ACME).keyrings == frozenset()
