"""An operator's care for keyrings: every DEK is wrapped anew, whatever happens meanwhile, and none is lost."""

import pytest

from sealring.domain.keyring_ports import KeyringChange, StoredDek
from sealring.domain.keyrings import Keyring, OwnedKeyring
from sealring.domain.principal import Permission
from sealring.errors import EnvelopeRejected, Forbidden, NotFound, StoreUnavailable
from sealring.providers.gateway import Gateway
from sealring.providers.instances import ManagedSource
from sealring.services.keyring_care import RollReport
from sealring.services.keyring_rules import KeyringRules
from sealring.store.schema.keyring_codec import HEAD
from sealring_local.wrap import LocalProvider
from sealring_masterkey.keys import MasterKeys
from sealring_masterkey.wrap import MasterKeyProvider
from services.keyring_kit import STORES, store_of
from support import stores
from support.make import ACME, ENVIRONMENT, EVERYTHING, OTHER_ENVIRONMENT, caller, services
from support.roots import roots_of

ME = caller()
RINGS = [Keyring(f"{ACME}/{number}") for number in range(8)]
UNDER_MASTER = KeyringRules(master="masterkey")
OLD, NEW = "kek_OldOldOld", "kek_NewNewNew"


def master_keys(*key_ids):
    return MasterKeyProvider(MasterKeys(key_ids[0], {each: each.encode().ljust(32, b"\0") for each in key_ids}))


def server(store, *key_ids):
    """The services of a server with these master keys, the current one first."""
    sources = {
        "local": ManagedSource(lambda: LocalProvider(roots_of(bytes(32))), waits=False, max_wraps=None),
        "masterkey": ManagedSource(lambda: master_keys(*key_ids), waits=False, max_wraps=None),
    }
    return services(store, provider_gateway=Gateway(sources, {}), keyring_rules=UNDER_MASTER)


@pytest.fixture(params=STORES)
def store(request):
    return store_of(request)


@pytest.fixture
def filled(store):
    """Keyrings under the old master key, and a value of each."""
    use = server(store, OLD).keyrings
    sealed = {ring: use.encrypt(ring, ring.name.encode(), ME).encrypted for ring in RINGS}
    use.rotate(RINGS[0], ME)
    return sealed


def rolled(use, report=None):
    report = report or RollReport()
    done = sum(use.keyring_care.roll(ME, report))
    return report, done


def test_a_roll_leaves_nothing_under_the_old_key_and_everything_opens(store, filled):
    report, done = rolled(server(store, NEW, OLD))

    assert report.moved == len(RINGS) + 1
    assert report.unused == [OLD]
    assert set(report.after) == {NEW}
    assert done == 2 * (2 * len(RINGS) + 1)
    use = server(store, NEW).keyrings  # the old key is dropped
    assert {ring: use.decrypt(ring, sealed, ME) for ring, sealed in filled.items()} == {
        ring: ring.name.encode() for ring in RINGS
    }


def test_a_roll_that_was_stopped_goes_on_and_one_that_is_done_changes_nothing(store, filled):
    first = server(store, NEW, OLD).keyring_care.roll(ME, RollReport())
    for _ in range(3):
        next(first)

    again, _ = rolled(server(store, NEW, OLD))
    third, _ = rolled(server(store, NEW, OLD))

    assert again.unused == [OLD]
    assert (third.moved, third.unused, third.failed) == (0, [], 0)


def test_a_roll_keeps_the_newest_dek_the_newest(store, filled):
    newest = {ring: store.keyrings.latest(OwnedKeyring(ENVIRONMENT, ring)).id for ring in RINGS}

    rolled(server(store, NEW, OLD))

    assert {ring: store.keyrings.latest(OwnedKeyring(ENVIRONMENT, ring)).id for ring in RINGS} == newest


def test_a_rotation_during_a_roll_is_kept(store, filled):
    roll = server(store, NEW, OLD).keyring_care.roll(ME, RollReport())
    next(roll)
    made = server(store, OLD).keyrings.rotate(RINGS[-1], ME)  # by a server with the old settings

    report, _ = rolled(server(store, NEW, OLD))

    assert store.keyrings.latest(OwnedKeyring(ENVIRONMENT, RINGS[-1])).id == made.id
    assert set(report.after) == {NEW}


def test_a_dek_that_another_replaces_meanwhile_is_not_set_back(store, filled, monkeypatch):
    replace = store.keyrings.replace
    rivals = []

    def overtaken(ring, old, record, change):
        if not rivals:
            rivals.append(record)
            with_another = server(store, NEW, OLD).keyring_care
            next(with_another.roll(ME, RollReport()))
        return replace(ring, old, record, change)

    monkeypatch.setattr(store.keyrings, "replace", overtaken)
    report, _ = rolled(server(store, NEW, OLD))

    assert set(report.after) == {NEW}
    assert report.failed == 0


def test_a_dek_under_a_key_that_is_gone_is_reported_and_stops_no_other(store, filled):
    ring = OwnedKeyring(ENVIRONMENT, Keyring(f"{ACME}/lost"))
    server(store, "kek_LostLostL").keyrings.encrypt(ring.ring, b"value", ME)

    report, _ = rolled(server(store, NEW, OLD))

    assert report.failed > 0
    assert list(report.unused) == []  # no promise without a look at everything
    assert {name for name, _, _ in report.failures} == {f"{ACME}/lost"}
    assert report.moved == len(RINGS) + 1


def test_a_master_key_that_guards_keys_of_another_environment_is_not_called_safe_to_drop():
    store = stores.on_fakeredis()  # a bucket has one environment
    server(store, OLD).keyrings.encrypt(RINGS[0], b"mine", ME)
    there = caller(environment=OTHER_ENVIRONMENT)
    theirs = server(store, OLD).keyrings.encrypt(RINGS[0], b"theirs", there).encrypted

    first, _ = rolled(server(store, NEW, OLD))
    second = RollReport()
    sum(server(store, NEW, OLD).keyring_care.roll(there, second))

    assert list(first.unused) == []
    assert first.after[OLD] == 2
    assert second.unused == [OLD]
    assert server(store, NEW).keyrings.decrypt(RINGS[0], theirs, there) == b"theirs"


def test_a_managed_key_is_never_called_safe_to_drop(store):
    services(store, provider_gateway=MANAGED).keyrings.encrypt(RINGS[0], b"value", ME)

    report, _ = rolled(services(store, provider_gateway=MANAGED, keyring_rules=UNDER_MASTER))

    assert report.moved == 1
    assert list(report.unused) == []  # it may guard objects


def test_a_roll_says_before_how_many_keys_it_will_look_at():
    store = stores.on_fakeredis()
    server(store, OLD).keyrings.encrypt(RINGS[0], b"mine", ME)
    server(store, OLD).keyrings.encrypt(RINGS[0], b"theirs", caller(environment=OTHER_ENVIRONMENT))
    care = server(store, NEW, OLD).keyring_care

    assert care.count(ME) == sum(care.roll(ME, RollReport())) == 2 * 2 + 2


@pytest.mark.parametrize("damage", ["a dek", "a head", "another type"])
def test_one_altered_record_is_reported_and_stops_no_other(damage):
    parts = stores.parts_on(stores.fake_links())
    parts.markers.begin()
    store = stores.on_parts(parts)
    use = server(store, OLD).keyrings
    for ring in RINGS:
        use.encrypt(ring, b"value", ME)
    ring = OwnedKeyring(ENVIRONMENT, RINGS[3])
    alter(parts, ring, HEAD if damage == "a head" else store.keyrings.latest(ring).id.encode(), damage)

    report, _ = rolled(server(store, NEW, OLD))

    assert report.moved == len(RINGS) - 1
    named = {RINGS[3].name} if damage == "a dek" else {f"keyring {parts.keyspace.keyring_digest(ring).hex()}"}
    assert {name for name, _, _ in report.failures} == named
    assert report.failed == len(report.failures)
    assert list(report.unused) == []


def alter(parts, ring, field, damage):
    """Alter a keyring as somebody who can write to the store."""
    key, call = parts.keyspace.keyring(ring), parts.links.call
    if damage == "another type":
        call((b"DEL", key), (b"SET", key, b"noise"))
    else:
        (raw,) = call((b"HGET", key, field))
        call((b"HSET", key, field, raw[:-1] + bytes([raw[-1] ^ 1])))


def test_a_store_that_is_away_stops_a_roll(store, filled, monkeypatch):
    def away(*_args):
        raise StoreUnavailable("away")

    monkeypatch.setattr(store.keyrings, "replace", away)

    with pytest.raises(StoreUnavailable):
        rolled(server(store, NEW, OLD))


def test_a_roll_moves_deks_from_managed_keys_to_master_keys_and_back(store):
    managed = services(store, provider_gateway=MANAGED, keyring_rules=KeyringRules())
    sealed = managed.keyrings.encrypt(RINGS[0], b"value", ME).encrypted
    mixed = services(store, provider_gateway=MANAGED, keyring_rules=UNDER_MASTER)

    report, _ = rolled(mixed)
    assert set(report.after) == {NEW}
    assert mixed.keyrings.decrypt(RINGS[0], sealed, ME) == b"value"


MANAGED = Gateway(
    {
        "local": ManagedSource(lambda: LocalProvider(roots_of(bytes(32))), waits=False, max_wraps=None),
        "masterkey": ManagedSource(lambda: master_keys(NEW), waits=False, max_wraps=None),
    },
    {},
)


def test_the_keys_of_a_keyring_are_shown_with_what_is_known_of_them(store, filled):
    use = server(store, OLD)
    use.keyrings.encrypt_all(RINGS[0], {"a": b"1", "b": b"2"}, ME)

    old, new = use.keyring_care.show(ME, RINGS[0])

    assert (old.latest, old.keks, old.encryptions) == (False, (OLD,), 1)
    assert (new.latest, new.keks, new.encryptions) == (True, (OLD,), 2)
    with pytest.raises(NotFound):
        use.keyring_care.show(ME, Keyring(f"{ACME}/unknown"))


def test_what_a_destroyed_keyring_encrypted_never_opens_again(store, filled):
    use = server(store, OLD)

    assert use.keyring_care.destroy(ME, RINGS[0]) == 2
    assert use.keyring_care.destroy(ME, RINGS[0]) == 0

    with pytest.raises(EnvelopeRejected):
        use.keyrings.decrypt(RINGS[0], filled[RINGS[0]], ME)
    use.keyrings.encrypt(RINGS[0], b"new", ME)
    with pytest.raises(EnvelopeRejected):
        use.keyrings.decrypt(RINGS[0], filled[RINGS[0]], ME)


def test_a_dek_under_a_master_key_is_one_of_its_id_only(store, filled):
    """The id is authenticated; the keyring is not, which other servers could not read."""
    ring, other = (OwnedKeyring(ENVIRONMENT, each) for each in RINGS[:2])
    mine, theirs = store.keyrings.latest(ring), store.keyrings.latest(other)
    forged = theirs.record.replace(theirs.id.encode(), mine.id.encode(), 1)

    assert store.keyrings.replace(ring, mine, forged, KeyringChange(store.events()[0]))
    report, _ = rolled(server(store, NEW, OLD))

    assert report.failed > 0
    assert StoredDek(mine.id, forged).record != mine.record


@pytest.mark.parametrize("call", ["page", "show", "destroy", "roll", "count"])
def test_only_who_manages_keys_may_care_for_keyrings(store, filled, call):
    who = caller(permissions=EVERYTHING - {Permission.KEKS_MANAGE})
    care = server(store, OLD).keyring_care
    calls = {
        "page": lambda: care.page(who),
        "show": lambda: care.show(who, RINGS[0]),
        "destroy": lambda: care.destroy(who, RINGS[0]),
        "roll": lambda: sum(care.roll(who, RollReport())),
        "count": lambda: care.count(who),
    }

    with pytest.raises(Forbidden):
        calls[call]()
