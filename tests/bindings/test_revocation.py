"""Revocation: what one process decides holds for another at its next request."""

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from sealring.domain.ids import uuid_text
from sealring.errors import KeyDisabled
from support import stores
from support.make import caller, context


@pytest.fixture
def two(links):
    """Two processes on one store and one set of keys; each has asked for the bindings already."""
    kms = {}
    one, other = (world_on(stores.on_links(links), kms) for _ in range(2))
    one.bind("org_123", "key_abc")
    for number, world in enumerate((one, other)):
        world.seal("org_123", name=f"warm {number}")
    return one, other


def binding_of(world):
    return world.use.bindings.list(caller("org_123"), "org_123")[0]


ME = caller("org_123")

# What the other process asks first after a suspension: it may know of it by its first answer, and by no earlier one.
ASKS = {
    "a read": lambda world, record, _blob: world.open(record),
    "an older version": lambda world, record, _blob: world.use.versions.read(ME, str(record.id), first_version(record)),
    "a create": lambda world, _record, _blob: world.seal("org_123", name="other"),
    "an update": lambda world, record, _blob: update(world, record),
    "a data key": lambda world, _record, _blob: world.use.data_keys.create(ME, context(organization_id="org_123")),
    "a decrypt": lambda world, _record, blob: world.use.data_keys.decrypt(ME, blob),
    "a rekey": lambda world, _record, blob: world.use.data_keys.rekey(ME, blob, context(organization_id="org_123")),
}


def first_version(record):
    return uuid_text(record.current.id)


def update(world, record):
    return world.use.objects.update(ME, str(record.id), value="new", version_check=None, contexts=())


@pytest.mark.parametrize("ask", ASKS.values(), ids=list(ASKS))
def test_a_binding_that_is_suspended_elsewhere_is_refused_at_the_next_request(two, ask):
    one, other = two
    record = other.seal("org_123")
    update(other, record)
    blob = other.use.data_keys.create(ME, context(organization_id="org_123")).wrapped

    one.turn(binding_of(one), "suspend")

    with pytest.raises(KeyDisabled):
        ask(other, record, blob)


def test_a_binding_that_is_made_elsewhere_guards_at_the_next_request(two):
    one, other = two
    assert other.providers(other.seal("org_456", name="before")) == ["local"]

    one.bind("org_456", "key_other")

    assert other.providers(other.seal("org_456", name="after")) == ["cmk"]
    blob = other.use.data_keys.create(caller("org_456"), context(organization_id="org_456")).wrapped
    assert b"cmk" in blob


def test_a_key_that_is_disabled_opens_nothing_from_the_next_call_on(two):
    one, other = two
    record = one.seal("org_123")
    assert other.open(record) == "secret"

    one.kms["key_abc"].failure = api.KeyDisabled()

    for world in two:
        with pytest.raises(KeyDisabled):
            world.open(record)


def test_a_binding_may_allow_an_older_answer_for_as_long_as_it_says(links):
    world = world_on(stores.on_links(links))
    binding = world.bind("org_123", "key_abc", max_stale_decrypt_s=60)
    record = world.seal("org_123")
    assert world.open(record) == "secret"
    asked = len(world.kms["key_abc"].log)
    world.kms["key_abc"].failure = api.KeyDisabled()

    assert world.open(record) == "secret"
    assert len(world.kms["key_abc"].log) == asked

    world.turn(binding, "suspend")
    with pytest.raises(KeyDisabled):
        world.open(record)


def test_a_no_ends_all_that_the_key_opened_before(links):
    world = world_on(stores.on_links(links))
    world.bind("org_123", "key_abc", max_stale_decrypt_s=60)
    kept, asked = world.seal("org_123", name="kept"), world.seal("org_123", name="asked")
    assert world.open(kept) == "secret"
    world.kms["key_abc"].failure = api.KeyDisabled()
    assert world.open(kept) == "secret"

    with pytest.raises(KeyDisabled):
        world.open(asked)

    with pytest.raises(KeyDisabled):
        world.open(kept)


def test_what_another_process_sealed_under_a_binding_of_its_own_opens_at_once_and_is_recorded_once(two):
    """Under a key that this one has not heard of: its older decision is to blame, and not the object."""
    one, other = two
    other.seal("org_456", name="before")
    one.bind("org_456", "key_other")
    record = one.seal("org_456")

    assert other.open(record) == "secret"
    assert other.store.actions().count("vault.object.read") == 1


def test_an_explanation_says_which_key_why_and_who_must_act(two):
    one, _ = two
    record = one.seal("org_123")
    one.kms["key_abc"].failure = api.KeyDisabled()
    binding = binding_of(one)
    one.turn(binding, "validate")

    explained = one.use.explanations.explain(caller("org_123"), str(record.id))

    assert not explained.readable
    (report,) = explained.keys
    assert uuid_text(report.kek_id) == uuid_text(binding.id)
    assert isinstance(report.failure, KeyDisabled)
    assert report.binding.verification.codes == ("key_disabled",)
