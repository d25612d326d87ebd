"""The keyring: keys are found by what an envelope says, made once, and never replaced by others."""

from dataclasses import replace

import pytest

import sealring_plugin
from sealring.domain.envelope import Combine
from sealring.domain.ids import OrgId
from sealring.errors import KeyDisabled, KeyUnavailable
from sealring.keys.keyring import shown_pairs
from sealring.keys.routing import ManagedKeks, route
from sealring.recent import Recent
from sealring_local.wrap import LocalProvider
from support.clock import Clock
from support.make import ACME, BETA, ENVIRONMENT, caller, context, on_provider, services
from support.roots import roots_of
from support.stores import memory

ME = caller(ACME)


class Switchable(LocalProvider):
    """A provider whose owner can switch it off."""

    failure = None

    def wrap(self, *args):
        self._check()
        return super().wrap(*args)

    def unwrap(self, *args):
        self._check()
        return super().unwrap(*args)

    def _check(self):
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def provider():
    return Switchable(roots_of(bytes(32)))


@pytest.fixture
def store():
    return memory()


@pytest.fixture(params=[False, True], ids=["direct", "waits"])
def use(provider, store, request):
    return services(store, provider_gateway=on_provider(provider, waits=request.param))


def test_a_disabled_key_stores_nothing(use, provider, store):
    provider.failure = sealring_plugin.KeyDisabled()

    with pytest.raises(KeyDisabled):
        use.objects.create(ME, name="name", value="v", context=context())

    assert "vault.object.created" not in store.actions()
    assert store.objects.find(ENVIRONMENT, ACME, "name") is None


def test_a_disabled_key_opens_nothing_and_everything_else_works(use, provider):
    record = use.objects.create(ME, name="name", value="v", context=context())
    provider.failure = sealring_plugin.KeyDisabled()

    with pytest.raises(KeyDisabled):
        use.objects.read(ME, str(record.id))
    use.objects.describe(ME, str(record.id))
    use.versions.list(ME, str(record.id))
    use.objects.delete(ME, str(record.id), version_check=None)
    use.objects.restore(ME, str(record.id))


def test_a_key_that_is_enabled_again_opens_what_it_did(store, provider):
    use = services(store, provider_gateway=on_provider(provider))
    record = use.objects.create(ME, name="name", value="v", context=context())
    provider.failure = sealring_plugin.KeyDisabled()
    with pytest.raises(KeyDisabled):
        use.objects.read(ME, str(record.id))

    provider.failure = None

    assert use.objects.read(ME, str(record.id)).value == "v"


def test_a_failed_update_keeps_the_old_value(use, provider):
    record = use.objects.create(ME, name="name", value="old", context=context())
    provider.failure = sealring_plugin.Unavailable()

    with pytest.raises(KeyUnavailable):
        use.objects.update(ME, str(record.id), value="new", version_check=None, contexts=())

    provider.failure = None
    assert use.objects.read(ME, str(record.id)).value == "old"


def test_another_process_reads_by_the_references_in_the_record(store, provider):
    gateway = on_provider(provider)
    one, other = (services(store, provider_gateway=gateway) for _ in range(2))
    record = one.objects.create(ME, name="name", value="v", context=context())

    assert other.objects.read(ME, str(record.id)).value == "v"


def test_each_context_of_each_organization_has_one_kek_of_its_own(use):
    contexts = [
        context(organization_id=ACME),
        context(organization_id=ACME, type="card"),
        context(organization_id=BETA),
        context(organization_id=ACME),
    ]

    mine, card, theirs, again = (
        use.objects.create(caller(each.organization), name=f"{number}", value="v", context=each).current.key_id
        for number, each in enumerate(contexts)
    )

    assert len({mine, card, theirs}) == 3
    assert again == mine


class Overtaken(LocalProvider):
    """Somebody else makes the same KEK, and is quicker."""

    def create_key(self, *args):
        made = super().create_key(*args)
        self.rival.data_keys.create(ME, context())
        return made


def test_the_loser_of_a_race_for_a_kek_adopts_the_winners(store):
    provider, plain = Overtaken(roots_of(bytes(32))), LocalProvider(roots_of(bytes(32)))
    provider.rival = services(store, provider_gateway=on_provider(plain))
    loser = services(store, provider_gateway=on_provider(provider))

    record = loser.objects.create(ME, name="name", value="v", context=context())

    later = services(store, provider_gateway=on_provider(plain))
    assert later.objects.read(ME, str(record.id)).value == "v"
    assert loser.objects.create(ME, name="next", value="v", context=context()).current.key_id == record.current.key_id
    assert store.actions().count("vault.kek.created") == 1


def test_of_a_kek_for_each_item_all_are_needed(store, provider):
    """One that opens alone would widen access with each pair of the context."""
    use = services(store, per=ManagedKeks.ITEMS, provider_gateway=on_provider(provider))
    both = context(organization_id=ACME, type="card")

    record = use.objects.create(ME, name="name", value="v", context=both)

    assert route(ENVIRONMENT, ACME, both, ManagedKeks.ITEMS).combine is Combine.ALL
    assert record.current.envelope.header.combine is Combine.ALL
    assert [wrap.share_index for wrap in record.current.envelope.wraps] == [0, 1]
    assert len(set(record.current.envelope.keys)) == 2


@pytest.mark.parametrize("per", ManagedKeks)
def test_a_route_stays_within_its_organization(per):
    mine = route(ENVIRONMENT, ACME, context(type="card"), per)
    theirs = route(ENVIRONMENT, BETA, context(type="card"), per)

    assert {scope.encoded for scope in mine.scopes}.isdisjoint(scope.encoded for scope in theirs.scopes)


def test_no_owner_prefix_begins_another():
    scope = route(ENVIRONMENT, OrgId("org_a"), context(type="card"), ManagedKeks.COMBINATION).scopes[0]
    longer = replace(scope, org=OrgId("org_ab"))

    assert not longer.encoded.startswith(scope.owner(ENVIRONMENT, OrgId("org_a")))


def test_a_keys_owner_sees_the_organization_and_a_digest_of_the_rest():
    shown = shown_pairs(context(organization_id="org_acme", type="card"))

    assert shown == {
        "organization_id": "org_acme",
        "context_sha256": "4f954949404c96a5d272f26fd9dd13f1512409902ab4bf834b210c973f8960a9",
    }


def test_what_a_plugin_does_with_the_pairs_it_does_to_nobody_elses():
    shown_pairs(context(organization_id="org_acme", type="card")).clear()

    assert sorted(shown_pairs(context(organization_id="org_acme", type="card"))) == [
        "context_sha256",
        "organization_id",
    ]


def test_recent_entries_stay_and_the_oldest_leaves():
    recent = Recent(size=2, ttl_s=60)
    recent.put("a", 1)
    recent.put("b", 2)
    recent.get("a")
    recent.put("c", 3)

    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


def test_an_entry_stays_for_its_time_however_often_it_is_used():
    clock = Clock(1000.0)
    recent = Recent(size=2, ttl_s=60, clock=clock)
    recent.put("a", 1)

    found = []
    for clock.now in (1000.0, 1059.9, 1060.1):
        found.append(recent.get("a"))

    assert found == [1, 1, None]


def test_what_was_read_before_everything_was_dropped_is_returned_but_not_kept():
    recent = Recent(size=2, ttl_s=60)

    def read():
        recent.clear()
        return "old"

    assert recent.recall("a", read) == "old"
    assert recent.get("a") is None
    assert recent.recall("a", lambda: "new") == "new"
    assert recent.recall("a", read) == "new"


def test_an_entry_that_is_put_again_stays_anew():
    clock = Clock(1000.0)
    recent = Recent(size=2, ttl_s=60, clock=clock)
    recent.put("a", 1)
    clock.now = 1059.0
    recent.put("a", 2)
    clock.now = 1118.0

    assert recent.get("a") == 2
