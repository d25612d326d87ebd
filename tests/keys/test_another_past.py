"""A store that was restored is of another past: what a process knew of keys by heart says nothing of it."""

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from sealring.errors import IntegrityFailure, KeyDisabled, KeyExhausted
from sealring_local.wrap import LocalProvider
from support.make import ACME, caller, context, on_provider, services
from support.roots import roots_of
from support.stores import on_parts, parts_on

ME = caller(ACME)
LIMIT = 2**32  # wraps of a KEK


@pytest.fixture
def parts(links):
    parts = parts_on(links)
    parts.markers.begin()
    return parts


def becomes_another(links):
    """As the last step of a restore does it."""
    parts_on(links).markers.begin_again()


def without_kek(parts, record):
    """The store as it was before the KEK of a record was made."""
    scope = parts.keyspace.kek_scope(record.environment, record.org, on_parts(parts).keks.get(*owner(record)).scope)
    parts.links.call((b"DEL", scope, parts.keyspace.kek(*owner(record))))


def owner(record):
    return record.environment, record.org, record.current.key_id


def test_a_kek_that_is_not_in_the_store_any_more_wraps_nothing(links, parts):
    """What it wrapped could be opened by this process alone, and by none after it."""
    gateway = on_provider(LocalProvider(roots_of(bytes(32))))
    use = services(on_parts(parts), provider_gateway=gateway)
    without_kek(parts, use.objects.create(ME, name="before", value="v", context=context()))
    becomes_another(links)

    made = use.objects.create(ME, name="after", value="v", context=context())

    another = services(on_parts(parts_on(links)), provider_gateway=gateway)
    assert another.objects.read(ME, str(made.id)).value == "v"


def test_a_kek_that_is_not_in_the_store_any_more_opens_nothing(links, parts):
    use = services(on_parts(parts))
    record = use.objects.create(ME, name="name", value="v", context=context())
    assert use.objects.read(ME, str(record.id)).value == "v"
    without_kek(parts, record)
    becomes_another(links)

    with pytest.raises(IntegrityFailure) as refused:
        use.objects.read(ME, str(record.id))

    assert refused.value.reason == "unknown KEK"


def test_a_count_that_a_restore_raised_holds_at_once(links, parts):
    gateway = on_provider(LocalProvider(roots_of(bytes(32))), max_wraps=LIMIT)
    use = services(on_parts(parts), provider_gateway=gateway)
    record = use.objects.create(ME, name="before", value="v", context=context())
    links.call((b"HSET", parts.keyspace.kek_uses(*owner(record)), b"w1", LIMIT))
    becomes_another(links)

    with pytest.raises(KeyExhausted):
        use.objects.create(ME, name="after", value="v", context=context())


def test_a_data_key_that_was_kept_is_no_answer_of_its_key(links, parts):
    world = world_on(on_parts(parts))
    world.bind("org_123", "key_abc", max_stale_decrypt_s=60)
    record = world.seal("org_123")
    assert world.open(record) == "secret"
    world.kms["key_abc"].failure = api.KeyDisabled()
    assert world.open(record) == "secret"

    becomes_another(links)

    with pytest.raises(KeyDisabled):
        world.open(record)
