"""What a caller may know of, and what the audit log knows of a refusal."""

from dataclasses import replace

import pytest

from sealring.domain.ids import NO_ORG
from sealring.domain.record import State
from sealring.errors import IntegrityFailure, NotFound
from sealring.services.visibility import object_id, owned, refusals_audited, visible
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, services
from support.memory import home
from support.stores import memory

ME = caller(ACME)


@pytest.fixture(scope="module")
def record():
    return services(memory()).objects.create(ME, name="name", value="v", context=context())


@pytest.mark.parametrize("who", [ME, caller(ACME, BETA), caller()])
def test_an_object_is_known_to_callers_for_its_organization(record, who):
    assert owned(record, who) is visible(record, who) is record


@pytest.mark.parametrize(
    "who", [caller(BETA), caller(ACME, environment=OTHER_ENVIRONMENT), caller(environment=OTHER_ENVIRONMENT)]
)
def test_to_anybody_else_it_is_like_one_that_never_was(record, who):
    for look in (visible, owned):
        with pytest.raises(NotFound) as hidden:
            look(record, who)
        with pytest.raises(NotFound) as never_was:
            look(None, who)
        assert str(hidden.value) == str(never_was.value)


def test_a_deleted_object_is_owned_and_not_visible(record):
    deleted = replace(record, state=State.DELETED)

    assert owned(deleted, ME) is deleted
    with pytest.raises(NotFound):
        visible(deleted, ME)


def test_what_is_no_id_is_not_found():
    with pytest.raises(NotFound):
        object_id("secret_", ME, home)


@pytest.mark.parametrize("who", [ME, caller(BETA, ACME), caller(), caller(environment=OTHER_ENVIRONMENT)])
def test_an_id_may_be_of_each_organization_that_the_caller_has(record, who):
    assert object_id(str(record.id), who, home) == record.id


@pytest.mark.parametrize("who", [caller(BETA), caller(ACME, environment=OTHER_ENVIRONMENT)])
def test_an_id_of_another_organization_is_not_found(record, who):
    with pytest.raises(NotFound):
        object_id(str(record.id), who, home)


def test_the_reason_of_a_refusal_is_for_the_audit_log():
    audit = memory().audit

    with pytest.raises(IntegrityFailure) as refused, refusals_audited(audit, ME, "secret_1"):
        raise IntegrityFailure("record MAC")

    (event,) = audit.events
    assert "MAC" not in str(refused.value)
    assert (event.action, event.reason, event.target) == ("vault.object.refused", "record MAC", "secret_1")
    assert (event.environment, event.org, event.refused) == (ENVIRONMENT, NO_ORG, True)
    assert (event.origin.issuer, event.origin.subject, event.origin.request_id) == ("urn:test", "alice", "request-1")


def test_another_failure_leaves_no_refusal():
    audit = memory().audit

    with pytest.raises(NotFound), refusals_audited(audit, ME, "secret_1"):
        raise NotFound

    assert audit.events == []
