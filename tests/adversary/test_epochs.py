"""An organization has one epoch, made once, that moves with what guards it and is read together with its bindings.

Attacks Revocation (SECURITY.md): whoever decides on an epoch that the store does not have is never told that it moved.
"""

import pytest

from adversary.stepper import at_every_gap
from sealring.errors import StoreLost
from support.make import ENVIRONMENT


def load(world, org):
    return world.store.bindings.load(ENVIRONMENT, org.id)


def test_bindings_and_epoch_are_read_at_one_moment(scene):
    org = scene.organization()
    load(scene.rival, org)

    assert scene.stepper.count(lambda: load(scene.watched, org)).steps == ["MULTI GET GET HGETALL EXEC"]


def test_two_who_make_the_first_epoch_of_an_organization_decide_on_the_same(scene):
    def prepared():
        org = scene.organization()
        return lambda: load(scene.watched, org).epoch, lambda: made.append(load(scene.rival, org).epoch)

    made = []
    different = [taken.story for taken in at_every_gap(scene.stepper, prepared) if taken.answer != made[-1]]

    assert different == []
    assert len(made) == 3


def test_nobody_decides_on_an_epoch_that_the_store_does_not_have(scene):
    """It is taken away between any two steps of the first decision."""

    def prepared():
        org = scene.organization()
        return lambda: load(scene.watched, org).epoch, scene.forget_epochs

    answers = [
        (taken.answer in scene.epochs().values(), taken.failure) for taken in at_every_gap(scene.stepper, prepared)
    ]

    assert [(held, type(failure)) for held, failure in answers] == [
        (True, type(None)),
        (True, type(None)),
        (False, StoreLost),
    ]


@pytest.mark.parametrize("method", ["validate", "activate", "suspend", "retire"])
def test_an_epoch_moves_with_what_guards_and_with_nothing_else(scene, method):
    org = scene.organization()
    load(scene.rival, org)
    before = load(scene.watched, org).epoch
    binding = org.bind(activate=False)
    org.turn(binding, "validate")
    assert load(scene.watched, org).epoch == before

    if method != "activate":
        org.turn(binding, "activate")
    active = load(scene.watched, org).epoch
    org.turn(binding, method)

    assert (load(scene.watched, org).epoch == active) is (method == "validate")
