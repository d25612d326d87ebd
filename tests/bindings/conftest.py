from dataclasses import dataclass
from typing import Any

import pytest

from sealring.domain.context import KeyContext
from sealring.domain.ids import OrgId, uuid_text
from sealring.services.bindings import NewBinding
from support import stores
from support.cmk import CATALOG, Key, gateway_to
from support.make import caller, context, services


@dataclass
class World:
    """Use cases on a store in memory, and the customers' keys by name."""

    kms: dict[str, Key]
    store: Any
    use: Any
    gateway: Any

    def bind(self, org, key, *, activate=True, provider="cmk", **options):
        self.kms.setdefault(key, Key())
        match = KeyContext.of(options.pop("match", {"organization_id": org}))
        new = NewBinding(org=OrgId(org), match=match, provider=provider, key=key, **options)
        return self.use.bindings.create(caller(org), new, activate=activate)

    def turn(self, binding, method):
        return getattr(self.use.bindings, method)(caller(binding.org), uuid_text(binding.id))

    def seal(self, org, name="name", value="secret", **pairs):
        made = context(organization_id=org, **pairs)
        return self.use.objects.create(caller(org), name=name, value=value, context=made)

    def open(self, record):
        return self.use.objects.read(caller(record.org), str(record.id)).value

    def providers(self, record):
        return [wrap.provider for wrap in record.current.envelope.wraps]


def world_on(store, kms=None, *, waits=False, threads=16, on_refusal=None):
    kms = {} if kms is None else kms
    keys = gateway_to(kms, waits=waits, threads=threads)
    return World(kms, store, services(store, provider_gateway=keys, catalog=CATALOG, on_refusal=on_refusal), keys)


@pytest.fixture
def world():
    return world_on(stores.memory())
