"""What is told of the use of customers' keys: what each sealed, and when it was last used."""

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from bindings.uses_kit import KEYSPACE, ME, ORG, OTHER, STORES, use_of, world_of
from sealring.domain.context import KeyContext
from sealring.domain.keyrings import Keyring
from sealring.errors import Forbidden, KeyDisabled, NameTaken
from sealring.services.bindings import NewBinding
from sealring.services.items import PlainItem
from support.make import ENVIRONMENT, caller, context
from support.stores import on_links

THEM = caller(OTHER)
THEIRS = context(organization_id=ORG)


@pytest.fixture(params=STORES)
def world(request):
    return world_of(request)


@pytest.fixture
def real(links):
    return world_on(on_links(links))


def counts(world, binding):
    use = use_of(world, binding)
    return use.versions, use.data_keys, use.keyring_keys


def milliseconds(time):
    seconds, micros = map(int, time)
    return seconds * 1000 + micros // 1000


def order(entries):
    """Of the last entry of a stream."""
    return tuple(map(int, entries[-1][0].split(b"-")))


# --- what was sealed


def test_a_key_that_sealed_nothing_says_so(world):
    binding = world.bind(ORG, "key_one")

    use = use_of(world, binding)

    assert (use.versions, use.data_keys, use.keyring_keys, use.complete) == (0, 0, 0, True)
    assert use.last_used_at is None


def test_each_version_of_an_object_counts(world):
    binding = world.bind(ORG, "key_one")
    record = world.seal(ORG)
    world.seal(ORG, name="another")

    world.use.objects.update(ME, str(record.id), value="two", version_check=None, contexts=())
    world.use.objects.delete(ME, str(record.id), version_check=None)

    assert counts(world, binding) == (3, 0, 0)


def test_each_data_key_that_leaves_counts_and_one_that_is_opened_does_not(world):
    binding = world.bind(ORG, "key_one")
    pair = world.use.data_keys.create(ME, THEIRS)
    world.use.data_keys.decrypt(ME, pair.wrapped)

    world.use.data_keys.rekey(ME, pair.wrapped, context(organization_id=ORG, type="card"))

    assert counts(world, binding) == (0, 2, 0)


def test_a_batch_counts_as_one_data_key(world):
    binding = world.bind(ORG, "key_one")

    world.use.items.encrypt(ME, [PlainItem(each, THEIRS, b"v") for each in range(3)])

    assert counts(world, binding) == (0, 1, 0)


def test_a_key_of_a_keyring_counts_and_what_it_encrypts_does_not(world):
    binding = world.bind(ORG, "key_one")
    for value in (b"one", b"two"):
        world.use.keyrings.encrypt(Keyring(f"{ORG}/payments"), value, ME)

    assert counts(world, binding) == (0, 0, 1)


def test_each_of_two_keys_that_guard_a_value_counts_it(world):
    every = world.bind(ORG, "key_one")
    cards = world.bind(ORG, "key_two", match={"type": "card"})
    world.seal(ORG, type="card")
    world.seal(ORG, name="another")

    assert (counts(world, every), counts(world, cards)) == ((2, 0, 0), (1, 0, 0))


def test_what_others_seal_does_not_count(world):
    mine, theirs = world.bind(ORG, "key_one"), world.bind(OTHER, "key_two")
    record = world.seal(OTHER)
    world.open(record)

    assert counts(world, mine) == (0, 0, 0)
    assert use_of(world, mine).last_used_at is None
    assert counts(world, theirs) == (1, 0, 0)


def test_a_value_that_was_not_stored_does_not_count(world):
    binding = world.bind(ORG, "key_one")
    world.seal(ORG)
    world.kms["key_one"].failure = api.KeyDisabled()

    with pytest.raises(KeyDisabled):
        world.seal(ORG, name="another")

    assert counts(world, binding) == (1, 0, 0)


def test_a_name_that_is_taken_counts_nothing(world):
    binding = world.bind(ORG, "key_one")
    world.seal(ORG)

    with pytest.raises(NameTaken):
        world.seal(ORG)

    assert counts(world, binding) == (1, 0, 0)


# --- who may know it


def test_another_organization_learns_nothing(world):
    binding = world.bind(ORG, "key_one")
    world.seal(ORG)

    with pytest.raises(Forbidden):
        world.use.bindings.uses(THEM, ORG, [binding])

    assert world.use.bindings.uses(THEM, OTHER, [binding]) == {}


# --- the last use


def test_a_seal_is_a_use(world):
    binding = world.bind(ORG, "key_one")

    world.seal(ORG)

    assert use_of(world, binding).last_used_at is not None


@pytest.mark.parametrize("read", ["read", "read_by_name", "decrypt", "items", "keyring"])
def test_an_open_is_a_use(links, read):
    """By another worker, which has noted nothing yet."""
    world = world_on(on_links(links))
    binding, record = world.bind(ORG, "key_one"), world.seal(ORG)
    pair = world.use.data_keys.create(ME, THEIRS)
    blobs = world.use.items.encrypt(ME, [PlainItem(0, THEIRS, b"v")])
    ring = Keyring(f"{ORG}/payments")
    encrypted = world.use.keyrings.encrypt(ring, b"v", ME).encrypted
    links.call((b"DEL", KEYSPACE.last_use(ENVIRONMENT, ORG, binding.id)))
    other = world_on(on_links(links), world.kms)
    opens = {
        "read": lambda: other.use.objects.read(ME, str(record.id)),
        "read_by_name": lambda: other.use.objects.read_by_name(ME, "name", ORG),
        "decrypt": lambda: other.use.data_keys.decrypt(ME, pair.wrapped),
        "items": lambda: other.use.items.decrypt(ME, blobs),
        "keyring": lambda: other.use.keyrings.decrypt(ring, encrypted, ME),
    }

    opens[read]()

    assert use_of(other, binding).last_used_at is not None


def test_what_touches_no_key_is_no_use(links):
    world = world_on(on_links(links))
    binding, record = world.bind(ORG, "key_one"), world.seal(ORG)
    links.call((b"DEL", KEYSPACE.last_use(ENVIRONMENT, ORG, binding.id)))
    other = world_on(on_links(links), world.kms)

    other.use.objects.describe(ME, str(record.id))
    other.use.versions.list(ME, str(record.id))
    other.use.objects.delete(ME, str(record.id), version_check=None)
    other.use.objects.restore(ME, str(record.id))
    other.turn(binding, "validate")

    assert use_of(other, binding).last_used_at is None


def test_a_key_that_refused_was_not_used(links):
    world = world_on(on_links(links))
    binding, record = world.bind(ORG, "key_one"), world.seal(ORG)
    links.call((b"DEL", KEYSPACE.last_use(ENVIRONMENT, ORG, binding.id)))
    other = world_on(on_links(links), world.kms)
    world.kms["key_one"].failure = api.KeyDisabled()

    with pytest.raises(KeyDisabled):
        other.open(record)

    assert use_of(other, binding).last_used_at is None


def test_the_time_is_the_stores(real, links):
    binding = real.bind(ORG, "key_one")
    (before,) = links.call((b"TIME",))

    real.seal(ORG)

    (after,) = links.call((b"TIME",))
    assert milliseconds(before) <= use_of(real, binding).last_used_at // 1000 <= milliseconds(after)


def test_a_worker_notes_a_use_once_a_minute_and_the_store_keeps_one(real, links):
    binding = real.bind(ORG, "key_one")
    key = KEYSPACE.last_use(ENVIRONMENT, ORG, binding.id)
    record = real.seal(ORG)
    noted = links.call((b"XRANGE", key, b"-", b"+"))[0]
    real.open(record)
    real.seal(ORG, name="another")
    assert links.call((b"XRANGE", key, b"-", b"+"))[0] == noted

    world_on(on_links(links), real.kms).open(real.seal(ORG, name="of another worker"))

    later = links.call((b"XRANGE", key, b"-", b"+"))[0]
    assert (len(noted), len(later)) == (1, 1)
    assert order(later) > order(noted)


def test_managed_keys_have_no_last_use(real, links):
    real.open(real.seal(ORG))
    real.use.data_keys.create(ME, THEIRS)

    assert [key for key in links.scan(b"s1:*") if b"}:ul:" in key] == []


def test_the_uses_of_many_bindings_are_read(real):
    for number in range(70):
        match = KeyContext.of({"organization_id": ORG, "n": str(number)})
        real.use.bindings.create(ME, NewBinding(ORG, match, "cmk", f"key_{number}"), activate=False)
    found = real.use.bindings.list(ME, ORG)

    uses = real.use.bindings.uses(ME, ORG, found)

    assert {each.id: each.created_at for each in found} == {key: use.state_since for key, use in uses.items()}
    assert len(uses) == 70
