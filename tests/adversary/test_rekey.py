"""A data key leaves an organization or a context by rekey only while what guards it is open.

Attacks "suspended: refuses it" and "A binding that is suspended, retired or replaced is so at the next request of every
worker" (docs/byok.md): a rekey touches the bindings of where the data key comes from and of where it goes. Between two
organizations it leaves two audit events, of the target and then of the source: what it did was allowed at the first.
"""

import pytest

import sealring_plugin as api
from adversary.requests_of import OURS, guards_of, status_of
from adversary.scene import scene_on
from adversary.stepper import at_every_gap, at_every_gap_before_the_event
from support.make import caller

REFUSED = {424, 503}


@pytest.fixture(params=[1, 64], ids=["one partition", "two partitions"])
def scene(request, valkey):
    with scene_on(valkey, partitions=request.param) as scene:
        yield scene


def two_organizations(scene):
    """Two that share a partition only if there is no other."""
    source, target = scene.organization(), scene.organization()
    while scene.partitions > 1 and source.partition == target.partition:
        target = scene.organization()
    return source, target


def between(source, target):
    """A data key of one organization, and its rekey for another; both known to the watched process."""
    pair = source.data_key()
    target.data_key()
    both = caller(source.id, target.id)
    return lambda: source.scene.watched.use.data_keys.rekey(both, pair.wrapped, target.context())


def out_of_its_context(source):
    """A data key of a context that is bound, and its rekey for one that is not."""
    pair = source.data_key(type="card")
    source.data_key()
    return lambda: source.scene.watched.use.data_keys.rekey(source.caller, pair.wrapped, source.context())


def bound_card(org):
    return org.bind(match={"organization_id": org.id, "type": "card"})


def test_nothing_is_rekeyed_out_of_an_organization_whose_binding_is_suspended(scene):
    source, target = two_organizations(scene)
    binding = source.bind()
    rekey = between(source, target)

    source.turn(binding, "suspend")

    assert status_of(scene.stepper.count(rekey)) in REFUSED


def test_nothing_is_rekeyed_out_of_a_context_whose_binding_is_suspended(scene):
    source = scene.organization()
    binding = bound_card(source)
    rekey = out_of_its_context(source)

    source.turn(binding, "suspend")

    assert status_of(scene.stepper.count(rekey)) in REFUSED


def test_a_suspension_of_the_source_before_the_audit_event_keeps_the_data_key_in(scene):
    def prepared():
        source, target = two_organizations(scene)
        binding = source.bind()

        def act():
            source.turn(binding, "suspend")
            source.neighbour()
            target.neighbour()

        return between(source, target), act

    assert leaks_of(scene, prepared) == []


def test_a_suspension_of_the_context_before_the_audit_event_keeps_the_data_key_in(scene):
    def prepared():
        source = scene.organization()
        binding = bound_card(source)

        def act():
            source.turn(binding, "suspend")
            source.neighbour()

        return out_of_its_context(source), act

    assert leaks_of(scene, prepared) == []


def test_a_suspension_of_the_target_before_the_audit_event_keeps_the_data_key_in(scene):
    def prepared():
        source, target = two_organizations(scene)
        binding = target.bind()

        def act():
            target.turn(binding, "suspend")
            target.neighbour()

        return between(source, target), act

    gaps = at_every_gap_before_the_event(scene.stepper, prepared)
    leaks = [taken.story for taken in gaps if taken.told_only_after and status_of(taken) not in REFUSED]

    assert leaks == []


def test_a_rekey_is_guarded_by_the_key_that_the_target_has_when_it_is_answered(scene):
    guards = []

    def prepared():
        source, target = two_organizations(scene)
        source.bind()

        def act():
            guards.append([target.bind().id])
            target.neighbour()

        return between(source, target), act

    gaps = at_every_gap_before_the_event(scene.stepper, prepared)
    wrong = [taken.story for taken in gaps if taken.told_only_after and guards_of(taken.answer) != guards[-1]]

    assert wrong == []


def test_a_rekey_never_joins_what_was_open_before_with_a_route_that_came_later(scene):
    """The source is shut, and only then the target bound: no moment allowed the one together with the other."""

    def prepared():
        source, target = two_organizations(scene)
        binding = source.bind()

        def act():
            source.turn(binding, "suspend")
            target.bind("key_two")

        return between(source, target), act

    gaps = at_every_gap(scene.stepper, prepared)
    mixed = [taken.story for taken in gaps if taken.failure is None and guards_of(taken.answer) != [OURS]]

    assert mixed == []


def test_a_key_that_its_owner_disabled_lets_nothing_be_rekeyed_out(scene):
    source, target = two_organizations(scene)
    source.bind("key_of_source")
    rekey = between(source, target)

    scene.watched.kms["key_of_source"].failure = api.KeyDisabled()

    assert status_of(scene.stepper.count(rekey)) == 424


def leaks_of(scene, prepared):
    gaps = at_every_gap_before_the_event(scene.stepper, prepared)
    return [taken.story for taken in gaps if status_of(taken) not in REFUSED]
