"""Customers' keys guard the keyrings of their organizations: at once, alone, and never replaced by one of ours."""

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from bindings.keyring_kit import ME, ORG, RING, encrypted
from sealring.domain.envelope import Combine
from sealring.domain.ids import uuid_text
from sealring.domain.keyring_codec import kek_ids
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.errors import KeyAccessDenied, KeyDisabled
from sealring.providers.gateway import Gateway
from sealring.providers.instances import ManagedSource, Source
from sealring.services.keyring_care import RollReport
from sealring.services.keyring_rules import KeyringRules
from sealring_local.wrap import LocalProvider
from sealring_masterkey.keys import MasterKeys
from sealring_masterkey.wrap import MasterKeyProvider
from support import stores
from support.cmk import CmkProvider
from support.make import ENVIRONMENT, caller, services
from support.roots import roots_of

OWNED = OwnedKeyring(ENVIRONMENT, RING)


def uses(world, key="key_abc"):
    return [operation for operation, _, _ in world.kms[key].log]


def keks(world):
    return kek_ids(world.store.keyrings.latest(OWNED).record)


def test_a_bound_key_wraps_the_keys_of_its_keyrings_and_is_asked_at_each_use(world):
    world.bind(ORG, "key_abc")
    before = len(uses(world))

    sealed = encrypted(world)
    encrypted(world)
    assert world.use.keyrings.decrypt(RING, sealed.encrypted, ME) == b"value"

    assert uses(world)[before:] == ["wrap", "unwrap", "unwrap", "unwrap"]


def test_the_keyrings_of_others_are_under_our_keys(world):
    world.bind(ORG, "key_abc")
    before = len(uses(world))

    for name in ("org_456/payments", "org_123x", "nobody's"):
        world.use.keyrings.encrypt(Keyring(name), b"value", caller())

    assert len(uses(world)) == before


@pytest.mark.parametrize("used", [True, False], ids=["used since", "not used since"])
def test_an_epoch_that_was_set_back_revives_no_key_of_ours(used):
    parts = stores.parts_on(stores.fake_links())
    parts.markers.begin()
    world = world_on(stores.on_parts(parts))
    other = services(world.store, provider_gateway=world.gateway)
    old = other.keyrings.encrypt(RING, b"value", ME).encrypted
    epoch = parts.keyspace.epoch(parts.keyspace.home(ENVIRONMENT, ORG))
    (before,) = parts.links.call((b"GET", epoch))
    world.bind(ORG, "key_abc")
    if used:
        other.keyrings.decrypt(RING, old, ME)
    sum(world.use.keyring_care.roll(caller(), RollReport()))
    world.kms["key_abc"].failure = api.KeyDisabled()
    if used:
        with pytest.raises(KeyDisabled):
            other.keyrings.decrypt(RING, old, ME)
    other.bound.forget()  # five minutes later

    parts.links.call((b"SET", epoch, before))

    with pytest.raises(KeyDisabled):
        other.keyrings.encrypt(RING, b"value", ME)
    if used:
        with pytest.raises(KeyDisabled):
            other.keyrings.decrypt(RING, old, ME)


def test_new_values_are_refused_if_one_of_two_bindings_is_suspended_although_the_other_would_be_enough(world):
    first = world.bind(ORG, "key_abc", combine=Combine.ANY)
    world.bind(ORG, "key_def", match={"organization_id": ORG, "sealring": "keyrings"}, combine=Combine.ANY)
    sealed = encrypted(world).encrypted

    world.turn(first, "suspend")

    for call in (
        lambda: encrypted(world),
        lambda: world.use.keyrings.re_encrypt(RING, sealed, None, ME),
        lambda: world.use.keyrings.rotate(RING, ME),
    ):
        with pytest.raises(KeyDisabled):
            call()
    assert world.use.keyrings.decrypt(RING, sealed, ME) == b"value"
    world.turn(first, "activate")
    encrypted(world)


def test_a_key_that_a_roll_puts_under_a_customers_key_is_kept_open_by_no_worker(world):
    other = services(world.store, provider_gateway=world.gateway).keyrings
    old = encrypted(world).encrypted
    world.bind(ORG, "key_abc")
    other.decrypt(RING, old, ME)  # it is under a key of ours still, and kept open

    sum(world.use.keyring_care.roll(caller(), RollReport()))

    world.kms["key_abc"].failure = api.KeyDisabled()
    with pytest.raises(KeyDisabled):
        other.decrypt(RING, old, ME)


@pytest.mark.parametrize("call", ["encrypt", "decrypt", "re_encrypt", "rotate"])
def test_a_suspended_binding_refuses_everything_at_once_on_every_worker(world, call):
    binding = world.bind(ORG, "key_abc")
    other = services(world.store, provider_gateway=world.gateway).keyrings
    sealed = other.encrypt(RING, b"value", ME).encrypted
    other.decrypt(RING, sealed, ME)

    world.turn(binding, "suspend")

    calls = {
        "encrypt": lambda use: use.encrypt(RING, b"value", ME),
        "decrypt": lambda use: use.decrypt(RING, sealed, ME),
        "re_encrypt": lambda use: use.re_encrypt(RING, sealed, None, ME),
        "rotate": lambda use: use.rotate(RING, ME),
    }
    for use in (other, world.use.keyrings):
        with pytest.raises(KeyDisabled):
            calls[call](use)
    assert len(world.store.keyrings.deks(OWNED)) == 1
    world.turn(binding, "activate")
    assert other.decrypt(RING, sealed, ME) == b"value"


def test_a_key_that_its_owner_has_disabled_opens_nothing_and_none_of_ours_takes_its_place(world):
    world.bind(ORG, "key_abc")
    sealed = encrypted(world).encrypted
    world.kms["key_abc"].failure = api.AccessDenied()

    for call in (lambda: encrypted(world), lambda: world.use.keyrings.decrypt(RING, sealed, ME)):
        with pytest.raises(KeyAccessDenied):
            call()


def test_a_binding_that_allows_it_is_asked_once_in_its_time(world):
    world.bind(ORG, "key_abc", max_stale_decrypt_s=60)
    sealed = encrypted(world).encrypted
    before = len(uses(world))

    for _ in range(5):
        world.use.keyrings.decrypt(RING, sealed, ME)
        encrypted(world)

    assert len(uses(world)) - before <= 1


def test_new_values_are_under_a_new_binding_at_once_and_old_ones_stay_readable(world):
    old = encrypted(world)
    binding = world.bind(ORG, "key_abc")

    new = encrypted(world, b"new")

    assert new.key_id != old.key_id
    assert keks(world) == (binding_id(binding),)
    assert world.use.keyrings.decrypt(RING, old.encrypted, ME) == b"value"
    assert world.use.keyrings.decrypt(RING, new.encrypted, ME) == b"new"


def test_new_values_are_no_longer_under_a_retired_binding(world):
    binding = world.bind(ORG, "key_abc")
    old = encrypted(world)
    world.turn(binding, "retire")

    new = encrypted(world)

    assert new.key_id != old.key_id
    assert keks(world) != (binding_id(binding),)
    assert world.use.keyrings.decrypt(RING, old.encrypted, ME) == b"value"


def test_each_of_two_owners_can_revoke_alone(world):
    world.bind(ORG, "key_abc")
    world.bind(ORG, "key_def", match={"organization_id": ORG, "sealring": "keyrings"})
    sealed = encrypted(world).encrypted
    assert len(keks(world)) == 2

    world.kms["key_def"].failure = api.AccessDenied()

    with pytest.raises(KeyAccessDenied):
        world.use.keyrings.decrypt(RING, sealed, ME)


def test_one_of_two_is_enough_if_both_say_so(world):
    world.bind(ORG, "key_abc", combine=Combine.ANY)
    world.bind(ORG, "key_def", match={"organization_id": ORG, "sealring": "keyrings"}, combine=Combine.ANY)
    sealed = encrypted(world).encrypted

    world.kms["key_abc"].failure = api.AccessDenied()

    assert world.use.keyrings.decrypt(RING, sealed, ME) == b"value"


def test_a_roll_moves_keys_under_a_new_binding(world):
    old = encrypted(world)
    binding = world.bind(ORG, "key_abc")
    report = RollReport()

    sum(world.use.keyring_care.roll(caller(), report))

    assert keks(world) == (binding_id(binding),)
    assert list(report.after) == [f"{binding_id(binding)}/1"]
    assert world.use.keyrings.decrypt(RING, old.encrypted, ME) == b"value"
    assert encrypted(world).key_id == old.key_id


def test_a_roll_never_takes_the_guard_of_a_customers_key_away(world):
    binding = world.bind(ORG, "key_abc")
    old = encrypted(world)
    world.turn(binding, "retire")
    report = RollReport()

    sum(world.use.keyring_care.roll(caller(), report))

    assert (report.kept, report.moved, report.failed) == (2, 0, 0)
    assert keks(world) == (binding_id(binding),)
    assert list(report.unused) == []
    world.kms["key_abc"].failure = api.KeyDisabled()
    with pytest.raises(KeyDisabled):
        world.use.keyrings.decrypt(RING, old.encrypted, ME)


def test_a_roll_leaves_each_of_two_owners_their_guard(world):
    first = world.bind(ORG, "key_abc")
    world.bind(ORG, "key_def", match={"organization_id": ORG, "sealring": "keyrings"})
    old = encrypted(world)
    world.turn(first, "retire")
    report = RollReport()

    sum(world.use.keyring_care.roll(caller(), report))

    assert (report.kept, report.moved) == (2, 0)
    world.kms["key_abc"].failure = api.KeyDisabled()
    with pytest.raises(KeyDisabled):
        world.use.keyrings.decrypt(RING, old.encrypted, ME)


def test_a_roll_adds_the_guard_of_a_further_key(world):
    world.bind(ORG, "key_abc")
    old = encrypted(world)
    world.bind(ORG, "key_def", match={"organization_id": ORG, "sealring": "keyrings"})
    report = RollReport()

    sum(world.use.keyring_care.roll(caller(), report))

    assert (report.kept, report.moved, report.current) == (0, 1, 1)
    assert len(keks(world)) == 2
    assert world.use.keyrings.decrypt(RING, old.encrypted, ME) == b"value"


def test_a_bound_key_comes_before_master_keys(world):
    world.bind(ORG, "key_abc")
    masters = MasterKeyProvider(MasterKeys("kek_AbCdEfGhI", {"kek_AbCdEfGhI": bytes(32)}))
    gateway = Gateway(
        {
            "local": ManagedSource(lambda: LocalProvider(roots_of(bytes(32))), waits=False, max_wraps=None),
            "masterkey": ManagedSource(lambda: masters, waits=False, max_wraps=None),
        },
        {"cmk": Source(lambda: CmkProvider(world.kms), waits=False)},
    )
    use = services(world.store, provider_gateway=gateway, keyring_rules=KeyringRules(master="masterkey")).keyrings
    before = len(uses(world))

    use.encrypt(RING, b"value", ME)
    use.encrypt(Keyring("org_456"), b"value", caller())

    assert uses(world)[before:] == ["wrap", "unwrap"]
    other = OwnedKeyring(ENVIRONMENT, Keyring("org_456"))
    assert kek_ids(world.store.keyrings.latest(other).record) == ("kek_AbCdEfGhI",)


def binding_id(binding):
    return uuid_text(binding.id)
