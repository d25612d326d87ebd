"""Two who change bindings at once leave what one after the other would have left.

Attacks "Two active ones with equal matches are refused" and "suspended: refuses it" (docs/byok.md): the other process
changes the bindings of an organization between any two steps of a change of the process that is watched.
"""

from contextlib import suppress
from functools import partial

import pytest

from adversary.stepper import at_every_gap
from sealring.domain.ids import uuid_text
from sealring.errors import BindingConflict, KeyDisabled, NotFound


def guarding(org):
    """The bindings that guard every context of an organization."""
    return [each for each in org.scene.rival.use.bindings.list(org.caller, org.id) if each.guards]


def bind(world, org, key, **options):
    with suppress(BindingConflict):
        world.bind(org.id, key, **options)


@pytest.mark.parametrize("first", [None, "a binding that both replace"])
def test_two_bindings_with_equal_matches_never_guard_together(scene, first):
    def prepared():
        org = scene.organization()
        orgs.append(org)
        options = {} if first is None else {"replaces": uuid_text(org.bind().id)}
        return partial(bind, scene.watched, org, "key_a", **options), partial(
            bind, scene.rival, org, "key_b", **options
        )

    orgs = []
    together = [taken.story for taken in at_every_gap(scene.stepper, prepared) if len(guarding(orgs[-1])) != 1]

    assert together == []


def change(org, binding, method):
    """Change the binding in the process that is watched."""
    if method == "replace":
        return partial(bind, org.scene.watched, org, "key_b", replaces=uuid_text(binding.id))
    return partial(org.scene.watched.turn, binding, method)


@pytest.mark.parametrize("method", ["retire", "replace", "validate"])
def test_a_suspension_beside_another_change_holds(scene, method):
    """Whoever was told that the binding is suspended finds what it sealed shut, whatever came of the other change."""

    def prepared():
        org = scene.organization()
        binding, record = org.bind(), org.object()
        objects.append(record)

        def suspend():
            with suppress(BindingConflict):
                org.turn(binding, "suspend")
                suspended.append(record)

        return change(org, binding, method), suspend

    objects, suspended, opened = [], [], []
    for taken in at_every_gap(scene.stepper, prepared):
        with suppress(KeyDisabled):
            scene.rival.open(objects[-1])
            if objects[-1] in suspended:
                opened.append(taken.story)

    assert suspended != []
    assert opened == []


def test_a_binding_whose_key_has_sealed_something_is_never_deleted(scene):
    """It was pending when the deletion began, and guards before that ends."""

    def prepared():
        org = scene.organization()
        binding = org.bind(activate=False)

        def act():
            with suppress(NotFound):
                org.turn(binding, "activate")
                sealed.append(scene.rival.seal(org.id))

        def delete():
            with suppress(BindingConflict):
                scene.watched.turn(binding, "delete")

        return delete, act

    sealed = []
    assert [taken.failure for taken in at_every_gap(scene.stepper, prepared) if taken.failure is not None] == []

    assert len(sealed) > 2
    assert [scene.rival.open(record) for record in sealed] == ["secret"] * len(sealed)
