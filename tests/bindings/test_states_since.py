"""Since when a customer's key is in its state, as it is told: only what the store knows for sure."""

import pytest

from bindings.conftest import world_on
from bindings.uses_kit import KEYSPACE, ME, ORG, OTHER, STORES, current, use_of, world_of
from sealring.domain.binding import BindingState
from sealring.domain.ids import uuid_text
from sealring.store.binding_uses import STATE, WHOLE
from support.make import ENVIRONMENT
from support.stores import on_links
from support.tampering import every_bit_of


@pytest.fixture(params=STORES)
def world(request):
    return world_of(request)


@pytest.fixture
def real(links):
    return world_on(on_links(links))


def test_a_state_is_told_since_the_change_to_it(world):
    binding = world.bind(ORG, "key_one", activate=False)
    assert use_of(world, binding).state_since == binding.created_at

    for turn in ("activate", "suspend", "activate", "retire", "suspend", "activate"):
        binding = world.turn(binding, turn)

        assert use_of(world, binding).state_since == binding.updated_at


def test_a_check_changes_no_state(world):
    binding = world.bind(ORG, "key_one")
    since = use_of(world, binding).state_since

    checked = world.turn(binding, "validate")

    assert use_of(world, checked).state_since == since < checked.updated_at


def test_a_second_suspension_is_no_new_state(world):
    suspended = world.turn(world.bind(ORG, "key_one"), "suspend")

    again = world.turn(suspended, "suspend")

    assert use_of(world, again).state_since == suspended.updated_at < again.updated_at


def test_the_one_that_was_replaced_is_retired_since_then(world):
    former = world.bind(ORG, "key_one")
    world.bind(ORG, "key_two", replaces=uuid_text(former.id))

    retired = current(world, former)

    assert retired.state is BindingState.RETIRED
    assert use_of(world, retired).state_since == retired.updated_at


def test_a_state_that_a_former_version_changed_is_not_told(real, links):
    binding = real.bind(ORG, "key_one")
    key = KEYSPACE.kek_uses(ENVIRONMENT, ORG, binding.id)
    (former,) = links.call((b"HGET", key, STATE))
    suspended = real.turn(binding, "suspend")
    links.call((b"HSET", key, STATE, former))

    assert use_of(real, suspended).state_since is None


def test_a_binding_of_a_former_version_tells_no_state_and_no_whole_counts(real, links):
    binding = real.bind(ORG, "key_one")
    links.call((b"DEL", KEYSPACE.kek_uses(ENVIRONMENT, ORG, binding.id)))
    real.seal(ORG)

    use = use_of(real, binding)

    assert (use.versions, use.complete, use.state_since) == (1, False, None)
    later = use_of(real, real.turn(binding, "suspend"))
    assert (later.state_since is not None, later.complete) == (True, False)


# --- whoever can write to the store


def test_each_bit_of_a_state_counts(real, links):
    binding = real.bind(ORG, "key_one")
    key = KEYSPACE.kek_uses(ENVIRONMENT, ORG, binding.id)
    (raw,) = links.call((b"HGET", key, STATE))

    for flipped in every_bit_of(raw):
        links.call((b"HSET", key, STATE, flipped))
        assert binding.id not in real.use.bindings.uses(ME, ORG, [binding])


def test_the_state_of_another_binding_is_not_believed(real, links):
    mine, theirs = real.bind(ORG, "key_one"), real.bind(OTHER, "key_two")
    (raw,) = links.call((b"HGET", KEYSPACE.kek_uses(ENVIRONMENT, OTHER, theirs.id), STATE))

    links.call((b"HSET", KEYSPACE.kek_uses(ENVIRONMENT, ORG, mine.id), STATE, raw))

    assert real.use.bindings.uses(ME, ORG, [mine]) == {}


@pytest.mark.parametrize(
    "alter",
    [
        lambda uses, _last: (b"HSET", uses, b"v1", b"-1"),
        lambda uses, _last: (b"HSET", uses, b"v1", b"x"),
        lambda uses, _last: (b"HSET", uses, b"w1", b"1"),
        lambda uses, _last: (b"HSET", uses, WHOLE, b"x"),
        lambda uses, _last: (b"SET", uses, b"x"),
        lambda _uses, last: (b"SET", last, b"x"),
        lambda _uses, last: (b"XADD", last, b"*", b"x", b""),
        lambda _uses, last: (b"XADD", last, b"*", b"u", b"x"),
    ],
    ids=["negative", "no number", "another count", "a mark", "uses of a type", "last of a type", "a field", "a value"],
)
def test_what_was_altered_is_not_told_and_keeps_nobody_from_stopping_a_key(real, links, alter):
    binding, other = real.bind(ORG, "key_one"), real.bind(ORG, "key_two", match={"type": "card"})
    links.call(alter(KEYSPACE.kek_uses(ENVIRONMENT, ORG, binding.id), KEYSPACE.last_use(ENVIRONMENT, ORG, binding.id)))

    found = real.use.bindings.list(ME, ORG)

    assert set(real.use.bindings.uses(ME, ORG, found)) == {other.id}
    assert real.turn(other, "suspend").state is BindingState.SUSPENDED


# --- many
