"""An organization has one epoch, made once, and read together with its bindings.

Attacks Revocation (SECURITY.md): whoever decides on an epoch that the store does not have is never told that it moved.
"""

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
