"""A request is judged by one state of the bindings, and never by somebody else's.

Attacks "A binding that is suspended, retired or replaced is so at the next request of every worker" and "A bound key
that fails is an error, never a reason to use another one" (docs/byok.md), and Revocation (SECURITY.md): the other
process changes a binding between any two steps of a request, and another thread of the process that is watched makes
whatever the two share new, so that who decided before may take it for what they decided on.
"""

import itertools
import time

import pytest

from adversary.requests_of import (
    OURS,
    every_request,
    guards_of,
    of_new_ones,
    read,
    read_by_name,
    read_version,
    status_of,
    what_begins_again,
    what_closes,
)
from adversary.scene import scene_on
from adversary.stepper import at_every_gap, at_every_gap_before_the_event
from sealring.keys import decisions

REFUSED = {424, 503}


class Clock:
    """The clock of this process, which a test may move on."""

    def __init__(self):
        self._real = time.monotonic
        self.ahead_s = 0.0

    def __call__(self):
        return self._real() + self.ahead_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def activated(org):
    return lambda: [org.bind().id]


def replaced(org):
    old = org.bind()
    return lambda: [org.replace(old).id]


def retired(org):
    old = org.bind()

    def turn():
        org.turn(old, "retire")
        return [OURS]

    return turn


@every_request
def test_what_is_asked_after_a_suspension_is_refused_whatever_others_ask_meanwhile(scene, request_of):
    def prepared():
        org = scene.organization()
        binding = org.bind()
        request = of_new_ones(org, request_of)
        org.turn(binding, "suspend")
        return request, org.neighbour

    leaks = [taken.story for taken in at_every_gap(scene.stepper, prepared) if status_of(taken) not in REFUSED]

    assert leaks == []


@every_request
def test_a_suspension_before_the_audit_event_keeps_the_answer_in(scene, request_of):
    def prepared():
        org = scene.organization()
        binding = org.bind()

        def act():
            org.turn(binding, "suspend")
            org.neighbour()

        return of_new_ones(org, request_of), act

    gaps = at_every_gap_before_the_event(scene.stepper, prepared)
    leaks = [taken.story for taken in gaps if status_of(taken) not in REFUSED]

    assert leaks == []


@what_closes
def test_what_is_asked_after_an_activation_is_guarded_by_the_bound_key(scene, request_of):
    guards = []

    def prepared():
        org = scene.organization()
        request = of_new_ones(org, request_of)
        guards.append([org.bind().id])
        return request, org.neighbour

    wrong = [taken.story for taken in at_every_gap(scene.stepper, prepared) if guards_of(taken.answer) != guards[-1]]

    assert wrong == []


@what_closes
@pytest.mark.parametrize("change", [activated, replaced, retired])
def test_a_change_before_the_audit_event_decides_which_key_guards(scene, request_of, change):
    guards = []

    def prepared():
        org = scene.organization()
        turn = change(org)

        def act():
            guards.append(turn())
            org.neighbour()

        return of_new_ones(org, request_of), act

    gaps = at_every_gap_before_the_event(scene.stepper, prepared)
    wrong = [taken.story for taken in gaps if guards_of(taken.answer) != guards[-1]]

    assert wrong == []


@pytest.fixture
def forgetful(valkey, monkeypatch):
    """A scene in which the watched process knows the bindings of one organization, and drops them for those of another."""
    monkeypatch.setattr(decisions, "CACHED_ORGANIZATIONS", 1)
    with scene_on(valkey) as scene:
        yield scene


def forget(scene):
    scene.organization().neighbour()


def test_what_is_known_of_one_organization_is_dropped_for_another(forgetful):
    org = forgetful.organization()
    org.data_key()
    forget(forgetful)

    assert any("HGETALL" in step for step in forgetful.stepper.count(org.data_key).steps)
    assert not any("HGETALL" in step for step in forgetful.stepper.count(org.data_key).steps)


@every_request
def test_what_was_known_of_bindings_is_not_taken_for_current_once_it_is_forgotten(forgetful, request_of):
    """What a process knows is kept for minutes, and dropped when there is too much of it: also within a request."""

    def prepared():
        org = forgetful.organization()
        binding = org.bind()

        def act():
            org.turn(binding, "suspend")
            forget(forgetful)

        return of_new_ones(org, request_of), act

    gaps = at_every_gap_before_the_event(forgetful.stepper, prepared)
    leaks = [taken.story for taken in gaps if status_of(taken) not in REFUSED]

    assert leaks == []


@what_begins_again
def test_a_request_that_begins_again_and_again_ends_with_its_deadline(scene, clock, request_of):
    org = scene.organization()
    org.hurried = True
    request = of_new_ones(org, request_of)
    other = org.bind(match={"organization_id": org.id, "type": "other"})
    states = itertools.cycle(["suspend", "activate"])

    def act():
        clock.ahead_s += 0.1
        org.turn(other, next(states))

    assert status_of(scene.stepper.harass(request, act)) == 503


@pytest.mark.parametrize("known", [True, False], ids=["bindings known", "bindings forgotten"])
@pytest.mark.parametrize("request_of", [read, read_by_name, read_version])
def test_nothing_is_read_that_was_deleted_before_its_binding_opened(forgetful, request_of, known):
    """While the object was there, its key was shut; when it opened, the object was gone."""

    def prepared():
        org = forgetful.organization()
        binding, record = org.bind(), org.object()
        request = request_of(org, record, None)
        org.turn(binding, "suspend")
        if not known:
            forget(forgetful)

        def act():
            forgetful.rival.use.objects.delete(org.caller, str(record.id), version_check=None)
            org.turn(binding, "activate")

        return request, act

    read_all_the_same = [taken.story for taken in at_every_gap(forgetful.stepper, prepared) if taken.failure is None]

    assert read_all_the_same == []


@every_request
def test_an_epoch_that_is_taken_out_of_the_store_lifts_no_suspension(scene, request_of):
    """No epoch is none: not the one of an organization that never had a binding."""

    def prepared():
        org = scene.organization()
        binding = org.bind()
        scene.forget_epochs()
        request = of_new_ones(org, request_of)
        org.turn(binding, "suspend")
        return request, scene.forget_epochs

    leaks = [taken.story for taken in at_every_gap(scene.stepper, prepared) if status_of(taken) not in REFUSED]

    assert leaks == []


@every_request
def test_what_is_asked_after_a_suspension_was_lifted_is_answered(scene, request_of):
    org = scene.organization()
    binding = org.bind()
    request = of_new_ones(org, request_of)
    org.turn(binding, "suspend")
    assert status_of(scene.stepper.count(request)) == 424

    org.turn(binding, "activate")

    assert status_of(scene.stepper.count(request)) == 200
