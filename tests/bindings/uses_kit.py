"""Bindings whose use is told, on each store."""

from bindings.conftest import world_on
from sealring.domain.ids import OrgId, uuid_text
from sealring.store.schema.keyspace import Keyspace
from support import stores
from support.make import caller
from support.stores import KEYS, on_links

STORES = ["memory", "fakeredis", "valkey"]
ORG, OTHER = OrgId("org_acme"), OrgId("org_beta")
ME = caller(ORG)
KEYSPACE = Keyspace(4, KEYS)


def world_of(request):
    """The world on the store that a parameter names."""
    made = {"memory": stores.memory, "fakeredis": stores.on_fakeredis}
    return world_on(made[request.param]() if request.param in made else on_links(request.getfixturevalue("links")))


def use_of(world, binding):
    return world.use.bindings.uses(caller(binding.org), binding.org, [binding])[binding.id]


def current(world, binding):
    return world.use.bindings.read(caller(binding.org), uuid_text(binding.id))
