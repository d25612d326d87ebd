"""A link to the portal makes one session, and a session reaches nothing but the bindings and the usage of its organization.

Attacks "The portal" (SECURITY.md): others use the same link, and the operator ends sessions, between any two steps of the
process that is watched; and a session asks for everything that its organization has, and for what another one has.
"""

from dataclasses import fields
from functools import partial

import pytest

from adversary.stepper import at_every_gap
from isolation.test_permissions import USE_CASES
from sealring.domain.ids import uuid_text
from sealring.errors import Forbidden, NotFound
from sealring.services.bindings import Bindings
from sealring.services.limits import Usages
from sealring.services.portal import Portal, PortalSessions
from support.limits import the_operator
from support.portal import RULES, token_of


def portal_of(world):
    return Portal(world.use.portal._store, RULES)


@pytest.fixture
def watched(scene):
    return portal_of(scene.watched)


@pytest.fixture
def rival(scene):
    return portal_of(scene.rival)


def test_of_two_who_use_a_link_one_has_a_session_wherever_they_meet(scene, watched, rival):
    begun = []

    def use(portal, token):
        begun.append(portal.begin(token, "request-1"))

    def prepared():
        begun.clear()
        token = token_of(rival, scene.organization().id)
        return partial(use, watched, token), partial(use, rival, token)

    stories = []
    for taken in at_every_gap(scene.stepper, prepared):
        sessions = [each for each in begun if each is not None]
        if len(begun) != 2 or len(sessions) != 1 or rival.session(sessions[0].secret) != sessions[0].session:
            stories.append(taken.story)

    assert stories == []


def test_a_session_that_the_operator_ended_is_not_found_wherever_that_happened(scene, watched, rival):
    sessions = PortalSessions(rival._store)
    told, found = [], []

    def end(session):
        sessions.end(the_operator(), session.text_id)
        told.append(True)

    def look(begun):
        found.append((bool(told), watched.session(begun.secret)))  # whether it was over when the request began

    def prepared():
        told.clear()
        begun = rival.begin(token_of(rival, scene.organization().id), "request-1")
        return partial(look, begun), partial(end, begun.session)

    for _ in at_every_gap(scene.stepper, prepared):
        assert [each for ended, each in found if ended and each is not None] == []
    assert found


def test_a_session_that_ends_twice_at_once_is_told_once(scene, watched, rival):
    def prepared():
        begun = rival.begin(token_of(rival, scene.organization().id), "request-1")
        return partial(watched.end, begun.session, "request-1"), partial(rival.end, begun.session, "request-2")

    gaps = len(list(at_every_gap(scene.stepper, prepared)))

    ended = [each for each in scene.rival.store.events() if each.action.value == "vault.portal.session_ended"]
    assert len({each.target for each in ended}) == len(ended) == gaps + 1  # and the one whose rival came too late


# --- what a session reaches


@pytest.fixture
def org(scene):
    """An organization that has something of everything."""
    org = scene.organization()
    org.bind()
    org.object()
    return org


@pytest.fixture
def session(rival, org):
    return rival.begin(token_of(rival, org.id), "request-1").session


@pytest.mark.parametrize(
    ("service", "method"),
    [each for each in USE_CASES if each[0] not in {Bindings, Usages}],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_a_session_is_forbidden_everything_else_on_services_that_have_it(scene, session, service, method):
    use = scene.rival.use
    services = {type(found): found for found in (getattr(use, each.name) for each in fields(use))}

    with pytest.raises(Forbidden):
        getattr(services[service], method)(caller=session.caller("request-1"), **USE_CASES[service, method][1])


def test_a_session_sees_the_bindings_and_the_usage_of_its_own_organization_alone(scene, org, session):
    use, caller = scene.rival.use, session.caller("request-1")
    other = scene.organization()
    theirs = other.bind("key_two")

    assert [each.org for each in use.bindings.list(caller, org.id)] == [org.id]
    assert use.usages.read(caller, org.id).use.objects == 1
    for refused in (use.bindings.list, use.usages.read):
        with pytest.raises(Forbidden):
            refused(caller, other.id)
    for method in ("read", "validate", "activate", "suspend", "retire", "delete"):
        with pytest.raises(NotFound):
            getattr(use.bindings, method)(caller, uuid_text(theirs.id))


def test_a_session_can_suspend_what_it_sees(scene, org, session):
    use, caller = scene.rival.use, session.caller("request-1", "private")
    (binding,) = use.bindings.list(caller, org.id)

    use.bindings.suspend(caller, uuid_text(binding.id))

    event = scene.rival.store.events()[-1]
    assert (event.action.value, event.detail) == ("vault.binding.changed", "suspended")
    assert (event.origin.issuer, event.origin.subject) == ("urn:sealring:portal", session.text_id)
    assert (event.origin.token_id, event.origin.source) == (uuid_text(session.link_id), "private")
