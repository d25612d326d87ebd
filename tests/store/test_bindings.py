"""Bindings in Redis: a change whose answer was lost is done once, and a binding that was deleted leaves nothing."""

import pytest

from bindings.conftest import world_on
from faults.proxy import Fault, Script
from sealring.domain.binding import BindingState
from sealring.errors import NotFound
from sealring.store.connection.links import Links
from sealring.store.schema.keyspace import Keyspace
from support.make import ENVIRONMENT, caller
from support.stores import KEYS, on_links

KEYSPACE = Keyspace(4, KEYS)
ORG = "org_123"


@pytest.fixture
def world(links, proxy):
    """On a store that is reached through the proxy; `links` emptied it."""
    through = Links.to(f"redis://{proxy.address}")
    yield world_on(on_links(through))
    through.close()


def bindings(world):
    return world.store.bindings.load(ENVIRONMENT, ORG).bindings


done_or_not = pytest.mark.parametrize("fault", [Fault.LOSE, Fault.DROP], ids=["done", "not done"])


@done_or_not
def test_a_binding_whose_answer_was_lost_is_made_once(world, proxy, fault):
    proxy.plan = Script(b"XADD", fault)

    made = world.bind(ORG, "key_abc", activate=False)

    assert proxy.made == {fault: 1}
    assert bindings(world) == [made]
    assert world.store.actions() == ["vault.binding.created"]


@done_or_not
def test_a_suspension_whose_answer_was_lost_holds(world, proxy, fault):
    binding = world.bind(ORG, "key_abc")
    before = world.store.actions()
    proxy.plan = Script(b"XADD", fault)

    suspended = world.turn(binding, "suspend")

    assert proxy.made == {fault: 1}
    assert suspended.state is BindingState.SUSPENDED
    assert bindings(world) == [suspended]
    assert world.store.actions() == [*before, "vault.binding.changed"]


@done_or_not
def test_a_deletion_whose_answer_was_lost_is_done(world, proxy, fault):
    binding = world.bind(ORG, "key_abc", activate=False)
    proxy.plan = Script(b"XADD", fault)

    world.turn(binding, "delete")

    assert proxy.made == {fault: 1}
    assert bindings(world) == []
    assert world.store.actions() == ["vault.binding.created", "vault.byok_key.deleted"]


def test_a_binding_that_was_deleted_leaves_neither_its_key_nor_its_owner(world, links):
    binding = world.bind(ORG, "key_abc", activate=False)
    home = KEYSPACE.home(ENVIRONMENT, ORG)
    assert world.store.bindings.owners(home.partition) == [(ENVIRONMENT, ORG)]

    world.turn(binding, "delete")

    assert world.store.bindings.owners(home.partition) == []
    assert world.store.bindings.owner(binding.id) is None
    assert [key for key in links.scan(b"s1:*") if binding.id in key] == []
    with pytest.raises(NotFound):
        world.use.bindings.read(caller(), str(binding.id))


@pytest.fixture
def pieces(proxy):
    """What is sent to the store from now on."""
    sent = []
    proxy.plan = sent.append
    return sent


def noting(pieces):
    return [piece for piece in pieces if b"}:ul:" in piece]


def test_the_use_of_a_key_is_noted_in_the_send_of_a_write(world, pieces):
    world.bind(ORG, "key_abc")

    world.seal(ORG)

    (piece,) = noting(pieces)
    assert piece.index(b"}:ul:") < piece.index(b"MULTI") < piece.index(b"v1\r\n") < piece.index(b"EXEC")


def test_the_use_of_a_key_is_noted_in_the_send_of_the_event_of_a_read(world, proxy, pieces):
    world.bind(ORG, "key_abc")
    record = world.seal(ORG)
    through = Links.to(f"redis://{proxy.address}")
    other = world_on(on_links(through), world.kms)
    pieces.clear()

    other.open(record)
    other.open(record)

    through.close()
    (piece,) = noting(pieces)
    assert piece.index(b"}:a\r\n") < piece.index(b"}:ul:") < piece.index(b"ZSCORE")
    assert len([each for each in pieces if b"XADD" in each]) == 2


def test_nothing_is_noted_for_the_keys_of_others(world, pieces):
    world.open(world.seal(ORG))

    assert noting(pieces) == []
