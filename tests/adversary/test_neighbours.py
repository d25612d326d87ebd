"""What one organization does to its bindings costs no other a request, and a binding that is pending costs nobody one.

Attacks "Separation of organizations" (SECURITY.md) and "One organization's slow or dead KMS leaves the others alone"
(docs/byok.md): a neighbour in the same partition changes its bindings between every two steps of each request.
"""

import pytest

from adversary.requests_of import every_request, of_new_ones
from adversary.scene import scene_on


@pytest.fixture
def scene(valkey):
    """All organizations share the one partition."""
    with scene_on(valkey, partitions=1) as scene:
        yield scene


def offering(org):
    """Create a pending binding, and delete it."""
    return lambda: org.turn(org.bind(activate=False), "delete")


def switching(org):
    """Suspend a binding, and activate it again."""
    binding = org.bind()

    def switch():
        org.turn(binding, "suspend")
        org.turn(binding, "activate")

    return switch


def quiet_steps(org, request_of):
    """What the request takes while nobody does anything, and not for the first time."""
    of_new_ones(org, request_of)()
    return org.scene.stepper.count(of_new_ones(org, request_of)).steps


@every_request
@pytest.mark.parametrize("harassment", [offering, switching])
def test_a_neighbours_bindings_cost_nobody_a_step(scene, request_of, harassment):
    org, neighbour = scene.organization(), scene.organization()
    org.bind()
    quiet = quiet_steps(org, request_of)
    act = harassment(neighbour)

    harassed = scene.stepper.harass(of_new_ones(org, request_of), act)

    assert (harassed.failure, harassed.steps) == (None, quiet)


@every_request
def test_pending_bindings_cost_their_own_organization_no_step(scene, request_of):
    org = scene.organization()
    org.bind(match={"organization_id": org.id, "type": "other"})
    quiet = quiet_steps(org, request_of)

    harassed = scene.stepper.harass(of_new_ones(org, request_of), offering(org))

    assert (harassed.failure, harassed.steps) == (None, quiet)


def test_only_what_changes_routing_moves_an_epoch(scene):
    org = scene.organization()
    active = org.bind()
    org.object()
    before = scene.epochs()

    pending = org.bind(match={"organization_id": org.id, "type": "card"}, activate=False)
    org.turn(pending, "validate")
    org.turn(active, "validate")
    org.turn(pending, "delete")

    assert scene.epochs() == before


@pytest.mark.parametrize("change", ["activate", "suspend", "retire", "replace"])
def test_what_changes_routing_moves_the_epoch_of_its_organization_and_no_other(scene, change):
    org, neighbour = scene.organization(), scene.organization()
    binding = org.bind()
    made = org.object()
    neighbour.object()
    if change == "activate":
        org.turn(binding, "suspend")
    before = scene.epochs()

    org.replace(binding) if change == "replace" else org.turn(binding, change)

    moved = [key for key, epoch in scene.epochs().items() if before.get(key) != epoch]
    assert moved == [b"s1:{0}:g:" + made.id.raw[:4]]


def test_an_epoch_never_comes_to_a_value_again(scene):
    org = scene.organization()
    binding = org.bind()
    org.object()
    seen = [scene.epochs()]
    for _ in range(10):
        org.turn(binding, "suspend")
        org.turn(binding, "activate")
        seen.append(scene.epochs())

    values = [epoch for epochs in seen for epoch in epochs.values()]

    assert len(values) == len(set(values)) == 11
