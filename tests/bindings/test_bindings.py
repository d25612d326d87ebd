"""Bindings: who may make them, how many, what each becomes, and what the audit log says of it."""

from dataclasses import replace

import pytest

import sealring_plugin as api
from bindings.conftest import world_on
from sealring.domain.binding import BindingState
from sealring.domain.ids import uuid_text
from sealring.errors import BindingConflict, Forbidden, KeyDisabled, NotFound
from sealring.services import bindings
from support import stores
from support.cmk import CmkProvider
from support.make import ENVIRONMENT, OTHER_ENVIRONMENT, caller, principal


@pytest.fixture(params=["memory", "fakeredis", "valkey"])
def world(request):
    if request.param == "memory":
        return world_on(stores.memory())
    if request.param == "fakeredis":
        return world_on(stores.on_fakeredis())
    return world_on(stores.on_links(request.getfixturevalue("links")))


def test_a_new_binding_is_pending(world):
    binding = world.bind("org_123", "key_abc", activate=False)

    assert binding.state is BindingState.PENDING
    assert binding.verification is None


def test_a_key_that_works_is_active_at_once_where_that_is_asked(world):
    binding = world.bind("org_123", "key_abc")

    assert binding.state is BindingState.ACTIVE
    assert binding.verification.verified


def test_two_active_bindings_of_one_match_are_refused(world):
    world.bind("org_123", "key_abc")

    with pytest.raises(BindingConflict):
        world.bind("org_123", "key_other")


def test_two_pending_bindings_of_one_match_become_one_active(world):
    one, two = (world.bind("org_123", key, activate=False) for key in ("key_one", "key_two"))
    world.turn(one, "activate")

    with pytest.raises(BindingConflict):
        world.turn(two, "activate")


def test_a_pending_binding_can_be_deleted_and_no_other(world):
    pending, active = world.bind("org_123", "key_one", activate=False), world.bind("org_123", "key_two")

    world.turn(pending, "delete")

    with pytest.raises(BindingConflict):
        world.turn(active, "delete")
    assert [each.id for each in world.use.bindings.list(caller("org_123"), "org_123")] == [active.id]
    with pytest.raises(NotFound):
        world.turn(pending, "read")


def test_a_binding_of_another_organization_is_not_found(world):
    binding = world.bind("org_123", "key_abc")

    for method in ("read", "validate", "activate", "suspend", "retire", "delete"):
        with pytest.raises(NotFound):
            getattr(world.use.bindings, method)(caller("org_456"), uuid_text(binding.id))
    with pytest.raises(Forbidden):
        world.use.bindings.list(caller("org_456"), "org_123")


def test_another_organization_cannot_replace_a_binding(world):
    binding = world.bind("org_123", "key_abc")

    with pytest.raises(NotFound):
        world.bind("org_456", "key_other", replaces=uuid_text(binding.id))


def test_an_external_id_is_the_organizations_own(world):
    one, two = world.bind("org_123", "key_abc"), world.bind("org_456", "key_abc")

    assert dict(one.options)["external_id"] != dict(two.options)["external_id"]
    assert world.use.bindings.setup(caller("org_123"), "cmk", "org_123").policy == (
        f"allow sealring for org_123 as {dict(one.options)['external_id']}"
    )


def test_an_external_id_is_of_one_environment(world):
    """A role that lets in an organization of one environment lets in none of the same name elsewhere."""
    here, there = (
        world.use.bindings.setup(caller("org_123", environment=each), "cmk", "org_123").policy
        for each in (ENVIRONMENT, OTHER_ENVIRONMENT)
    )

    assert here != there


def test_an_organization_has_as_many_bindings_as_the_limit_says_and_no_more(world, monkeypatch):
    monkeypatch.setattr(bindings, "MAX_BINDINGS", 2)
    for name in ("key_one", "key_two"):
        world.bind("org_123", name, activate=False)

    with pytest.raises(BindingConflict, match="The organization has 2 bindings"):
        world.bind("org_123", "key_three", activate=False)

    assert world.bind("org_456", "key_three", activate=False).state is BindingState.PENDING


def test_whatever_asks_a_key_says_for_whom(world):
    """A bulkhead of nobody's would be everybody's."""
    binding = world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.turn(binding, "validate")
    world.open(record)
    world.use.explanations.explain(caller("org_123"), str(record.id))

    assert world.kms["key_abc"].callers == {(ENVIRONMENT, "org_123")}


def test_another_organizations_refusals_do_not_open_the_circuit_of_a_key_that_both_name(world):
    """BETA names ACME's key, to which it has no access: that must not cost ACME a single request."""
    world = world_on(stores.memory(), waits=True)
    world.bind("org_acme", "key_abc")
    record = world.seal("org_acme")
    beta = world.bind("org_beta", "key_abc")
    assert beta.state is BindingState.ACTIVE
    world.kms["key_abc"].failure = api.AccessDenied()
    for number in range(5):
        with pytest.raises(Exception, match="Access to the key is denied"):
            world.seal("org_beta", name=f"n{number}")
    world.kms["key_abc"].failure = None

    assert world.open(record) == "secret"


def test_every_change_is_in_the_audit_log(world):
    binding = world.bind("org_123", "key_abc")
    world.turn(binding, "suspend")
    world.turn(binding, "retire")

    assert [action for action in world.store.actions() if "b" in action] == [
        "vault.binding.created",
        "vault.byok_key.verification_completed",
        "vault.binding.changed",
        "vault.binding.changed",
        "vault.binding.changed",
    ]


def test_a_token_without_the_permission_binds_nothing(world):
    from sealring.domain.principal import Caller, Permission  # noqa: PLC0415

    lacking = principal("org_123", permissions=frozenset(Permission) - {Permission.BINDINGS_MANAGE})

    with pytest.raises(Forbidden):
        world.use.bindings.list(replace(Caller(lacking, "r")), "org_123")


def test_a_retired_binding_that_is_suspended_opens_nothing_and_stays_retired(world):
    binding = world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    world.turn(binding, "retire")
    assert world.open(record) == "secret"

    shut = world.turn(binding, "suspend")

    assert (shut.state, shut.shut) == (BindingState.RETIRED, True)
    with pytest.raises(KeyDisabled):
        world.open(record)


def test_a_retired_binding_that_was_suspended_opens_again_once_its_key_is_verified_and_guards_nothing(world):
    binding = world.bind("org_123", "key_abc")
    record = world.seal("org_123")
    for method in ("retire", "suspend"):
        world.turn(binding, method)

    opened = world.turn(binding, "activate")

    assert (opened.state, opened.shut) == (BindingState.RETIRED, False)
    assert world.open(record) == "secret"
    assert world.providers(world.seal("org_123", name="other")) == ["local"]


@pytest.mark.parametrize(("before", "method"), [((), "activate"), (("retire",), "retire"), (("retire",), "activate")])
def test_a_binding_becomes_nothing_that_it_is_already(world, before, method):
    binding = world.bind("org_123", "key_abc")
    for each in before:
        world.turn(binding, each)

    with pytest.raises(BindingConflict, match="it cannot become"):
        world.turn(binding, method)


def test_a_suspended_binding_that_is_suspended_again_stops_an_activation_that_is_under_way(world, monkeypatch):
    """The key was verified before its owner said so a second time."""
    binding = world.turn(world.bind("org_123", "key_abc"), "suspend")
    validate, again = CmkProvider.validate, []

    def suspended_meanwhile(provider, key, call):
        found = validate(provider, key, call)
        again.append(world.turn(binding, "suspend"))
        return found

    monkeypatch.setattr(CmkProvider, "validate", suspended_meanwhile)

    with pytest.raises(BindingConflict, match="changed while its key was checked"):
        world.turn(binding, "activate")

    assert [each.state for each in again] == [BindingState.SUSPENDED]
    assert world.store.bindings.load(binding.environment, binding.org).bindings[0].state is BindingState.SUSPENDED
