"""A binding may allow older answers of its key: that says nothing of the other keys that guard the same object."""

from dataclasses import replace

import pytest

import sealring_plugin as api
from sealring.errors import KeyDisabled
from sealring.keys.keyring import Keyring, ManagedKeys
from sealring.keys.wrap_counts import WrapCounts
from support.make import ENVIRONMENT, caller


@pytest.fixture
def record(world):
    """What two keys guard, one of which may be asked no more than once a minute."""
    world.bind("org_123", "key_one", max_stale_decrypt_s=60)
    world.bind("org_123", "key_two", match={"organization_id": "org_123", "type": "card"})
    return world.seal("org_123", type="card")


@pytest.fixture
def decision(world, record):
    return world.store.bindings.load(ENVIRONMENT, "org_123")


@pytest.fixture
def keyring(world):
    return Keyring(world.gateway, world.store.keks, ManagedKeys("local"), WrapCounts(world.store.keks, lambda _: None))


def opens(keyring, record, decision):
    envelope = record.current.envelope
    with keyring.unwrap(envelope.header, envelope.wraps, record.context, caller("org_123"), decision):
        return True


def test_the_other_key_is_asked_each_time(world, record):
    assert world.open(record) == "secret"
    asked = [len(world.kms[name].log) for name in ("key_one", "key_two")]

    assert world.open(record) == "secret"
    assert [len(world.kms[name].log) for name in ("key_one", "key_two")] == [asked[0], asked[1] + 1]

    world.kms["key_two"].failure = api.KeyDisabled()
    with pytest.raises(KeyDisabled):
        world.open(record)


def test_nothing_is_kept_of_what_the_other_key_opened(keyring, record, decision):
    assert opens(keyring, record, decision)

    (kept,) = keyring._opened._entries.values()
    assert kept[1] == next(each.id for each in decision.bindings if each.key == "key_one")


def test_an_answer_that_was_kept_is_of_no_use_where_the_decision_allows_none(world, keyring, record, decision):
    """Whatever an earlier one allowed."""
    assert opens(keyring, record, decision)
    world.kms["key_one"].failure = api.KeyDisabled()
    assert opens(keyring, record, decision)
    seconds = {"key_one": 0, "key_two": 60}
    swapped = [replace(each, max_stale_decrypt_s=seconds[each.key]) for each in decision.bindings]

    with pytest.raises(KeyDisabled):
        opens(keyring, record, replace(decision, bindings=swapped))
