"""What changes while a batch is worked on again, because something had changed before."""

import pytest

from sealring.errors import KeyDisabled
from sealring.services.items import PlainItem
from support.make import caller, context

BOTH = caller("org_acme", "org_beta")


@pytest.fixture
def acts(world, monkeypatch):
    """What happens, in turn, just before the events of a batch are stored."""
    acts, append_all = [], world.store.audit.append_all

    def after_an_act(entries, owners):
        if acts:
            acts.pop(0)()
        return append_all(entries, owners)

    monkeypatch.setattr(world.store.audit, "append_all", after_an_act)
    return acts


@pytest.fixture
def blobs(world):
    """An item of each organization."""
    orgs = ("org_acme", "org_beta")
    items = [PlainItem(index, context(organization_id=org), org.encode()) for index, org in enumerate(orgs)]
    return world.use.items.encrypt(BOTH, items)


def test_a_key_that_is_suspended_while_others_are_opened_again_shuts_its_items(world, acts):
    bindings = {org: world.bind(org, f"key_of_{org}") for org in ("org_acme", "org_beta")}
    items = [PlainItem(index, context(organization_id=org), b"secret") for index, org in enumerate(bindings)]
    sealed = world.use.items.encrypt(BOTH, items)

    def switch():
        world.turn(bindings["org_beta"], "suspend")
        world.turn(bindings["org_beta"], "activate")

    acts += [switch, lambda: world.turn(bindings["org_acme"], "suspend")]

    opened = world.use.items.decrypt(BOTH, sealed)

    assert (type(opened[0]), opened[1]) == (KeyDisabled, b"secret")


def test_items_that_are_refused_when_they_are_opened_again_have_no_further_event(world, acts, blobs):
    binding = world.bind("org_acme", "key_one")
    sealed = world.use.items.encrypt(BOTH, [PlainItem(0, context(organization_id="org_acme"), b"secret")])
    acts.append(lambda: world.turn(binding, "suspend"))

    opened = world.use.items.decrypt(BOTH, {0: sealed[0], 1: blobs[1]})

    decrypted = [event.target for event in world.store.audit.events if event.action == "vault.item.decrypted"]
    assert (type(opened[0]), opened[1]) == (KeyDisabled, b"org_beta")
    assert len(decrypted) == len(set(decrypted)) == 2
