"""What takes a process step by step: it misses no step, and acts once, where it says."""

import pytest

from adversary.stepper import EndlessRequest, at_every_gap, at_every_gap_before_the_event
from sealring.errors import NotFound


@pytest.fixture
def org(scene):
    org = scene.organization()
    org.bind()
    org.data_key()
    return org


def words(taken):
    return [word for step in taken.steps for word in step.split()]


def test_sends_and_calls_of_keys_are_steps_in_their_order(scene, org):
    taken = scene.stepper.count(org.data_key)

    assert [taken.steps[0], taken.steps[-1].split()[0]] == ["wrap", "XADD"]
    assert taken.acted is None


def test_a_write_is_a_step_to_watch_and_one_to_commit(scene, org):
    taken = scene.stepper.count(org.object)

    assert [word for word in words(taken) if word in {"WATCH", "wrap", "MULTI", "EXEC"}] == [
        "WATCH",
        "wrap",
        "MULTI",
        "EXEC",
    ]


def test_the_act_comes_once_before_each_step_in_turn(scene, org):
    acts = []

    def prepared():
        return org.object, lambda: acts.append(scene.rival.open(made))

    made = org.object()
    quiet = scene.stepper.count(org.object)
    acted = [taken.acted for taken in at_every_gap(scene.stepper, prepared)]

    assert acted == list(range(len(quiet.steps)))
    assert acts == ["secret"] * len(acted)


def test_what_others_do_on_the_same_services_is_no_step(scene, org):
    quiet = scene.stepper.count(org.data_key)

    taken = scene.stepper.take(org.data_key, before=0, act=org.neighbour)

    assert taken.steps == quiet.steps


def test_a_failure_is_told(scene, org):
    taken = scene.stepper.count(lambda: scene.watched.use.objects.read(org.caller, "secret_" + 32 * "0"))

    assert isinstance(taken.failure, NotFound)
    assert taken.story.endswith("NotFound")


def test_a_request_that_never_ends_is_ended(scene, org):
    def for_ever():
        while True:
            org.data_key()

    with pytest.raises(EndlessRequest):
        scene.stepper.harass(for_ever, lambda: None)


def test_an_attack_that_always_comes_too_late_is_none(scene):
    with pytest.raises(AssertionError, match="no audit event"):
        list(at_every_gap_before_the_event(scene.stepper, lambda: (scene.watched.store.objects.now, lambda: None)))
