"""Whose key guards what: the bound one where it matches, ours where none does, and never ours instead of a broken one."""

import pytest

import sealring_plugin as api
from sealring.domain.envelope import Combine
from sealring.domain.principal import Caller
from sealring.errors import KeyAccessDenied, KeyDisabled, KeyMisconfigured, KeyUnavailable
from support.make import OTHER_ENVIRONMENT, caller, context, principal


def test_a_bound_key_guards_its_organization_and_ours_the_others(world):
    world.bind("org_123", "key_abc")

    assert world.providers(world.seal("org_123")) == ["cmk"]
    assert world.providers(world.seal("org_456")) == ["local"]


def test_a_context_with_more_pairs_is_guarded_too(world):
    world.bind("org_123", "key_abc")

    assert world.providers(world.seal("org_123", type="card", zone="eu")) == ["cmk"]


def test_a_context_without_all_pairs_of_the_match_is_not_guarded(world):
    world.bind("org_123", "key_abc", match={"organization_id": "org_123", "type": "card"})

    assert world.providers(world.seal("org_123", type="card", name="a")) == ["cmk"]
    assert world.providers(world.seal("org_123", type="note", name="b")) == ["local"]
    assert world.providers(world.seal("org_123", name="c")) == ["local"]


def test_the_other_spelling_of_the_organization_is_guarded_too(world):
    world.bind("org_123", "key_abc")
    made = world.use.objects.create(caller("org_123"), name="n", value="v", context=context(organizationId="org_123"))

    assert world.providers(made) == ["cmk"]


def test_an_update_a_data_key_and_a_rekey_use_the_bound_key(world):
    binding = world.bind("org_123", "key_abc")
    me = caller("org_123")
    record = world.seal("org_123")

    updated = world.use.objects.update(me, str(record.id), value="new", version_check=None, contexts=())
    pair = world.use.data_keys.create(me, context(organization_id="org_123"))
    moved = world.use.data_keys.rekey(me, pair.wrapped, context(organization_id="org_123", zone="eu"))

    assert world.providers(updated) == ["cmk"]
    assert [operation for operation, _, _ in world.kms["key_abc"].log[-4:]] == ["wrap", "wrap", "unwrap", "wrap"]
    assert world.use.data_keys.decrypt(me, moved.wrapped).secret == pair.secret
    assert binding.id in moved.wrapped


@pytest.mark.parametrize(
    ("failure", "expected"), [(api.KeyDisabled(), KeyDisabled), (api.Unavailable(), KeyUnavailable)]
)
def test_a_bound_key_that_fails_is_an_error_and_never_our_key(world, failure, expected):
    world.bind("org_123", "key_abc")
    world.kms["key_abc"].failure = failure

    with pytest.raises(expected):
        world.seal("org_123")

    assert "vault.object.created" not in world.store.actions()


def test_a_pending_binding_guards_nothing(world):
    world.bind("org_123", "key_abc", activate=False)

    assert world.providers(world.seal("org_123")) == ["local"]


def test_a_suspended_binding_is_refused_and_nothing_else_guards(world):
    binding = world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.turn(binding, "suspend")

    with pytest.raises(KeyDisabled):
        world.open(record)
    with pytest.raises(KeyDisabled):
        world.seal("org_123", name="other")

    world.turn(binding, "activate")
    assert world.open(record) == "secret"


def test_a_retired_binding_guards_nothing_new_and_opens_what_it_sealed(world):
    binding = world.bind("org_123", "key_abc")
    record = world.seal("org_123")

    world.turn(binding, "retire")

    assert world.open(record) == "secret"
    assert world.providers(world.seal("org_123", name="other")) == ["local"]


def test_a_binding_that_replaces_another_retires_it(world):
    old = world.bind("org_123", "key_old")
    record = world.seal("org_123")

    new = world.bind("org_123", "key_new", replaces=str_id(old))

    assert [each.state.name for each in world.use.bindings.list(caller("org_123"), "org_123")] == ["RETIRED", "ACTIVE"]
    assert world.seal("org_123", name="other").current.key_id == new.id
    assert world.open(record) == "secret"


def test_two_keys_of_one_context_are_both_needed(world):
    world.bind("org_123", "key_one")
    world.bind("org_123", "key_two", match={"organization_id": "org_123", "type": "card"})
    record = world.seal("org_123", type="card")
    assert record.current.envelope.header.combine is Combine.ALL

    for name in ("key_one", "key_two"):
        world.kms[name].failure = api.KeyDisabled()
        with pytest.raises(KeyDisabled):
            world.open(record)
        world.kms[name].failure = None
    assert world.open(record) == "secret"


def test_where_every_binding_asks_for_it_any_key_opens(world):
    world.bind("org_123", "key_one", combine=Combine.ANY)
    world.bind("org_123", "key_two", combine=Combine.ANY, match={"organization_id": "org_123", "type": "card"})
    record = world.seal("org_123", type="card")

    for name in ("key_one", "key_two"):
        world.kms[name].failure = api.KeyDisabled()
        assert world.open(record) == "secret"
        world.kms[name].failure = None


@pytest.fixture
def either(world):
    """An object that either of two keys opens."""
    world.bind("org_123", "key_one", combine=Combine.ANY)
    world.bind("org_123", "key_two", combine=Combine.ANY, match={"organization_id": "org_123", "type": "card"})
    return world.seal("org_123", type="card")


@pytest.mark.parametrize("failure", [api.CiphertextRejected(), api.ContextMismatch(), RuntimeError()])
def test_where_any_key_opens_one_that_rejects_what_it_wrapped_stops_no_other(world, either, failure):
    for name in ("key_one", "key_two"):
        world.kms[name].failure = failure
        assert world.open(either) == "secret"
        world.kms[name].failure = None


def test_where_no_key_opens_the_first_says_why(world, either):
    names = {each.id: each.key for each in world.use.bindings.list(caller("org_123"), "org_123")}
    first, second = (names[wrap.kek_id] for wrap in either.current.envelope.wraps)
    world.kms[first].failure = api.AccessDenied()
    world.kms[second].failure = api.KeyDisabled()

    with pytest.raises(KeyAccessDenied):
        world.open(either)


def test_each_key_of_several_has_a_share_of_its_own(world):
    world.bind("org_123", "key_one")
    world.bind("org_123", "key_two", match={"organization_id": "org_123", "type": "card"})

    wraps = world.seal("org_123", type="card").current.envelope.wraps

    assert [wrap.share_index for wrap in wraps] == [0, 1]


def test_an_organization_of_the_same_name_in_another_environment_has_its_own_bindings(world):
    """Each is known by heart when the other is asked."""
    there = Caller(principal("org_123", environment=OTHER_ENVIRONMENT), "request-1")
    made = context(organization_id="org_123")
    world.bind("org_123", "key_abc")
    here = world.seal("org_123")

    elsewhere = world.use.objects.create(there, name="name", value="theirs", context=made)

    assert [world.providers(each) for each in (here, elsewhere)] == [["cmk"], ["local"]]
    assert world.use.objects.read(there, str(elsewhere.id)).value == "theirs"
    assert world.open(here) == "secret"


def test_one_binding_that_asks_for_any_does_not_weaken_another(world):
    world.bind("org_123", "key_one", combine=Combine.ANY)
    world.bind("org_123", "key_two", match={"organization_id": "org_123", "type": "card"})

    assert world.seal("org_123", type="card").current.envelope.header.combine is Combine.ALL


def str_id(binding):
    from sealring.domain.ids import uuid_text  # noqa: PLC0415

    return uuid_text(binding.id)


def test_the_keys_owner_sees_the_organization_a_digest_and_what_the_binding_shows(world):
    world.bind("org_123", "key_abc", show=("resource_type",))
    world.kms["key_abc"].log.clear()

    record = world.seal("org_123", resource_type="invoice", customer="ada")

    assert world.kms["key_abc"].log == [
        (
            "wrap",
            {"organization_id": "org_123", "resource_type": "invoice", "context_sha256": record.context.digest.hex()},
            "request-1",
        )
    ]


def test_listing_describing_and_deleting_work_while_the_key_does_not(world):
    world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.kms["key_abc"].failure = api.KeyDisabled()
    me = caller("org_123")

    assert world.use.objects.describe(me, str(record.id)).id == record.id
    assert len(world.use.versions.list(me, str(record.id))) == 1
    assert world.use.objects.delete(me, str(record.id), version_check=None).id == record.id


def test_more_bindings_than_an_envelope_has_room_for_are_refused(world):
    pairs = [{"organization_id": "org_123", f"p{number}": "x"} for number in range(9)]
    pairs += [{"organization_id": "org_123", "p0": "x", f"p{number}": "x"} for number in range(1, 9)]
    for match in pairs:
        world.bind("org_123", "key_abc", match=match)

    with pytest.raises(KeyMisconfigured):
        world.seal("org_123", **{f"p{number}": "x" for number in range(9)})
