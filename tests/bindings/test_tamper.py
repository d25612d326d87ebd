"""Whoever can write to the store cannot let another key guard, or none."""

from dataclasses import replace

import pytest

from bindings.conftest import world_on
from sealring.domain.ids import OrgId, uuid_text
from sealring.errors import IntegrityFailure, NotFound
from sealring.store.bindings import SEAL
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records
from support.make import ENVIRONMENT, OTHER_ENVIRONMENT, caller
from support.stores import KEYS, on_links
from support.tampering import every_bit_of, refused, some_bits_of

KEYSPACE = Keyspace(1, KEYS)
RECORDS = Records(KEYS, Keyspace(4, KEYS).home)


@pytest.fixture
def world(links):
    world = world_on(on_links(links, partitions=1))
    world.bind("org_acme", "key_acme")
    world.bind("org_beta", "key_beta")
    return world


@pytest.fixture
def fresh(links, world):
    """Makes a process that knows nothing yet."""
    return lambda: world_on(on_links(links, partitions=1), world.kms)


def bindings_key(org):
    return KEYSPACE.bindings(ENVIRONMENT, org)


def stored(links, org):
    flat = links.call((b"HGETALL", bindings_key(org)))[0]
    return next((name, raw) for name, raw in zip(flat[::2], flat[1::2], strict=True) if name)


def test_each_bit_of_a_binding_counts(links, fresh):
    binding_id, raw = stored(links, "org_acme")

    assert RECORDS.decode_binding(binding_id, raw).org == "org_acme"
    assert all(refused(lambda raw=flipped: RECORDS.decode_binding(binding_id, raw)) for flipped in every_bit_of(raw))
    for flipped in some_bits_of(raw):
        links.call((b"HSET", bindings_key("org_acme"), binding_id, flipped))
        assert refused(lambda: fresh().seal("org_acme"))


def test_each_bit_of_a_bound_keks_record_counts(links, world, fresh):
    record = world.seal("org_acme")
    key = KEYSPACE.kek(ENVIRONMENT, "org_acme", record.current.key_id)
    (raw,) = links.call((b"GET", key))
    kek_id = record.current.key_id

    assert RECORDS.decode_kek(kek_id, raw).bound is not None
    assert all(refused(lambda raw=flipped: RECORDS.decode_kek(kek_id, raw)) for flipped in every_bit_of(raw))
    for flipped in some_bits_of(raw):
        links.call((b"SET", key, flipped))
        assert refused(lambda: fresh().open(record))


def test_a_binding_that_is_put_into_another_organization_is_refused(links, fresh):
    binding_id, raw = stored(links, "org_beta")
    links.call((b"HSET", bindings_key("org_acme"), binding_id, raw))

    with pytest.raises(IntegrityFailure) as failure:
        fresh().seal("org_acme")

    assert failure.value.reason == "the binding of another organization"


def test_a_binding_under_another_id_is_refused(links, fresh):
    binding_id, raw = stored(links, "org_acme")
    links.call((b"HDEL", bindings_key("org_acme"), binding_id), (b"HSET", bindings_key("org_acme"), bytes(16), raw))

    with pytest.raises(IntegrityFailure):
        fresh().seal("org_acme")


def test_a_binding_that_is_taken_out_is_missed(links, world, fresh):
    world.bind("org_acme", "key_other", match={"organization_id": "org_acme", "type": "card"})
    binding_id, _ = stored(links, "org_acme")
    links.call((b"HDEL", bindings_key("org_acme"), binding_id))

    with pytest.raises(IntegrityFailure):
        fresh().seal("org_acme", type="card")


def test_bindings_that_are_all_taken_out_are_missed(links, fresh):
    """What is left says that there were some: without them, our own key would guard."""
    binding_id, _ = stored(links, "org_acme")
    links.call((b"HDEL", bindings_key("org_acme"), binding_id))

    with pytest.raises(IntegrityFailure) as failure:
        fresh().seal("org_acme")

    assert failure.value.reason == "the bindings of an organization are not all of them"


@pytest.mark.parametrize("change", [{"org": OrgId("org_beta")}, {"environment": OTHER_ENVIRONMENT}])
def test_a_binding_that_says_it_is_anothers_is_refused_although_we_wrote_it_here(links, fresh, change):
    binding_id, raw = stored(links, "org_acme")
    anothers = replace(RECORDS.decode_binding(binding_id, raw), **change)
    seal = RECORDS.seal_bindings(ENVIRONMENT, OrgId("org_acme"), [anothers])
    links.call((b"HSET", bindings_key("org_acme"), binding_id, RECORDS.encode_binding(anothers), SEAL, seal))

    with pytest.raises(IntegrityFailure) as failure:
        fresh().seal("org_acme")

    assert failure.value.reason == "the binding of another organization"


def test_a_binding_that_is_put_back_to_an_earlier_state_is_refused(links, world, fresh):
    binding_id, before = stored(links, "org_acme")
    world.turn(world.use.bindings.list(caller("org_acme"), "org_acme")[0], "suspend")
    links.call((b"HSET", bindings_key("org_acme"), binding_id, before))

    with pytest.raises(IntegrityFailure):
        fresh().seal("org_acme")
    with pytest.raises(IntegrityFailure):  # by its own id too
        fresh().use.bindings.read(caller("org_acme"), uuid_text(binding_id))


def test_an_object_of_a_binding_that_is_gone_is_refused(links, world, fresh):
    record = world.seal("org_acme")
    links.call((b"DEL", bindings_key("org_acme")))

    with pytest.raises(IntegrityFailure) as failure:
        fresh().open(record)

    assert failure.value.reason == "a bound key without its binding"


@pytest.mark.parametrize("method", ["read", "suspend", "retire"])
@pytest.mark.parametrize("who", [caller("org_acme"), caller()], ids=["theirs", "everywhere"])
def test_a_binding_whose_owner_was_taken_off_the_list_is_found_and_suspended(links, fresh, who, method):
    binding_id, _ = stored(links, "org_acme")
    links.call((b"HDEL", KEYSPACE.binding_owners(0), binding_id))

    assert getattr(fresh().use.bindings, method)(who, uuid_text(binding_id)).id == binding_id


def test_nothing_is_read_of_a_binding_that_cannot_be_the_callers(links, fresh):
    binding_id, _ = stored(links, "org_acme")
    links.call((b"SET", KEYSPACE.kek(ENVIRONMENT, "org_acme", binding_id), b"what would be refused, if it were read"))

    with pytest.raises(NotFound):
        fresh().use.bindings.read(caller("org_beta"), uuid_text(binding_id))
    with pytest.raises(IntegrityFailure):
        fresh().use.bindings.read(caller("org_acme"), uuid_text(binding_id))


def test_a_binding_is_none_to_who_may_see_all_organizations_of_another_environment(links, fresh):
    binding_id, _ = stored(links, "org_acme")

    with pytest.raises(NotFound):
        fresh().use.bindings.read(caller(environment=OTHER_ENVIRONMENT), uuid_text(binding_id))


def test_the_record_of_a_managed_key_is_no_binding(links, world, fresh):
    kek_id = world.seal("org_managed").current.key_id

    with pytest.raises(NotFound):
        fresh().use.bindings.read(caller(), uuid_text(kek_id))
