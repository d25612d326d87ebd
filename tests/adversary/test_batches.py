"""No item of a batch leaves whose key was suspended before the batch ended, and the items of others are not held up.

Attacks "No value leaves that a key has opened which is suspended by the end of the batch" (docs/batch.md): the other
process suspends the key of one organization between any two steps of a batch for two.
"""

import pytest

from adversary.stepper import at_every_gap
from sealring.errors import CiphertextRejected, KeyDisabled
from sealring.services.items import PlainItem
from sealring.services.object_batches import NewObject, Wanted
from support.make import caller

PLACES = range(6)


def who(bound, other):
    return caller(bound.id, other.id)


def by_turns(bound, other):
    """The organization of each item."""
    return [(bound, other)[place % 2] for place in PLACES]


def plain(bound, other):
    return [
        PlainItem(place, org.context(type=str(place % 3)), b"secret")
        for place, org in enumerate(by_turns(bound, other))
    ]


def encrypt(bound, other):
    return lambda: bound.scene.watched.use.items.encrypt(who(bound, other), plain(bound, other))


def decrypt(bound, other):
    blobs = bound.scene.watched.use.items.encrypt(who(bound, other), plain(bound, other))
    return lambda: bound.scene.watched.use.items.decrypt(who(bound, other), blobs)


def read(bound, other):
    wanted = {place: Wanted(str(org.object().id)) for place, org in enumerate(by_turns(bound, other))}
    return lambda: bound.scene.watched.use.object_batches.read(who(bound, other), wanted)


@pytest.mark.parametrize("batch_of", [encrypt, decrypt, read])
@pytest.mark.parametrize("which", [0, 1], ids=["the first item's", "the second item's"])
def test_a_key_that_is_suspended_between_any_two_steps_shuts_its_items_and_no_others(scene, batch_of, which):
    def prepared():
        orgs = scene.organization(), scene.organization()
        binding = orgs[which].bind()
        request = batch_of(*orgs)
        return request, lambda: orgs[which].turn(binding, "suspend")

    wrong = []
    for taken in at_every_gap(scene.stepper, prepared):
        shut = [isinstance(taken.answer[place], KeyDisabled) for place in PLACES]
        if shut != [place % 2 == which for place in PLACES]:
            wrong.append((shut, taken.story))

    assert wrong == []


def test_objects_of_a_batch_are_created_under_what_guards_them_when_each_is_stored(scene):
    def prepared():
        bound, other = scene.organization(), scene.organization()
        binding = bound.bind()
        new = {
            place: NewObject(f"name {place}", "secret", org.context())
            for place, org in enumerate(by_turns(bound, other))
        }
        request = lambda: scene.watched.use.object_batches.create(who(bound, other), new)  # noqa: E731
        return request, lambda: bound.turn(binding, "suspend")

    for taken in at_every_gap(scene.stepper, prepared):
        failures = [isinstance(taken.answer[place], KeyDisabled) for place in PLACES]
        assert not any(failures[1::2]), taken.story
        assert failures[0::2] == sorted(failures[0::2]), taken.story  # once it is suspended, it stays shut


def test_the_owner_of_a_key_is_not_even_asked_about_an_item_that_was_altered(scene):
    org = scene.organization()
    org.bind("key_one")
    (blob,) = scene.watched.use.items.encrypt(org.caller, [PlainItem(0, org.context(), b"secret")]).values()
    log = scene.watched.kms["key_one"].log
    log.clear()

    altered = {place: blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :] for place in range(len(blob))}
    results = scene.watched.use.items.decrypt(org.caller, altered)

    assert {type(result) for result in results.values()} == {CiphertextRejected}
    assert len({str(result) for result in results.values()}) == 1
    assert log == []


def test_one_call_of_a_key_opens_all_items_of_a_batch(scene):
    org = scene.organization()
    org.bind("key_one")
    log = scene.watched.kms["key_one"].log
    log.clear()

    blobs = scene.watched.use.items.encrypt(
        org.caller, [PlainItem(index, org.context(), b"secret") for index in range(100)]
    )
    results = scene.watched.use.items.decrypt(org.caller, blobs)

    assert list(results.values()) == [b"secret"] * 100
    assert len(log) == 2
