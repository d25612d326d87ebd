"""Ready-made values: a principal, a caller, whole services on a store in memory."""

import os
import time
from dataclasses import dataclass, fields

from sealring.admission.limits import Limiter, Rates
from sealring.admission.turns import Turns
from sealring.domain.context import KeyContext
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.limits import unlimited
from sealring.domain.principal import Caller, Permission, Principal
from sealring.http.app import Services
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring, ManagedKeys
from sealring.keys.keyring_deks import KeyringDeks
from sealring.keys.routing import ManagedKeks
from sealring.keys.wrap_counts import WrapCounts
from sealring.providers.catalog import Catalog
from sealring.providers.gateway import Gateway
from sealring.providers.instances import ManagedSource
from sealring.services.bindings import Bindings
from sealring.services.cursors import Cursors
from sealring.services.data_keys import DataKeys
from sealring.services.explanations import Explanations
from sealring.services.items import Items
from sealring.services.keyring_care import KeyringCare
from sealring.services.keyring_rules import KeyringRules
from sealring.services.keyrings import Keyrings
from sealring.services.limits import Usages
from sealring.services.listing import Lists
from sealring.services.newest_deks import Deks
from sealring.services.object_batches import ObjectBatches
from sealring.services.objects import ObjectLimits, Objects
from sealring.services.operations import Operations
from sealring.services.portal import Portal
from sealring.services.portal_rules import PortalRules
from sealring.services.sealing import Sealing
from sealring.services.verification import Verifier
from sealring.services.versions import Versions
from sealring_local.wrap import LocalProvider
from support.clock import Clock
from support.roots import roots_of

ENVIRONMENT = EnvironmentId("environment_01J00000000000000000000000")
OTHER_ENVIRONMENT = EnvironmentId("environment_01J00000000000000000000001")
ACME = OrgId("org_acme")
BETA = OrgId("org_beta")
EVERYTHING = frozenset(Permission)
KEYRING_RULES = KeyringRules()
NO_SERVICES = Services(
    **dict.fromkeys(each.name for each in fields(Services)) | {"portal": Portal(None, None)}
)  # a map of routes needs none
SCOPED = EVERYTHING - {Permission.ALL_ORGANIZATIONS}


def limiter(*, rates=None, limits_of=unlimited, workers=1, places=1000, share=1000, **options):
    """A limiter that refuses nothing, but for what is asked. Its clock stands still: no bucket is filled again."""
    turns = Turns(places, share=share, alone=places)
    return Limiter(rates or Rates(), limits_of, turns, workers=workers, clock=Clock(), **options)


def principal(*orgs, permissions=None, environment=ENVIRONMENT, subject="alice"):
    """A principal for `orgs`, or for the whole environment where none is named."""
    granted = permissions if permissions is not None else SCOPED if orgs else EVERYTHING
    return Principal("urn:test", subject, f"{subject} by name", environment, frozenset(orgs), granted)


def caller(*orgs, **options):
    """Somebody in a request that never ends."""
    return Caller(principal(*orgs, **options), "request-1", deadline=float("inf"))


def context(**pairs):
    return KeyContext.of(pairs or {"organization_id": ACME})


def gateway(root_key=None):
    return on_provider(LocalProvider(roots_of(root_key or os.urandom(32))))


def on_provider(provider, *, waits=False, max_wraps=None):
    """A gateway to this one provider of managed keys, under the name `local`."""
    return Gateway({"local": ManagedSource(lambda: provider, waits, max_wraps=max_wraps)}, {})


def services(
    store,
    *,
    per=ManagedKeks.COMBINATION,
    limits=None,
    provider_gateway=None,
    catalog=None,
    on_refusal=None,
    limits_of=unlimited,
    keyring_rules=KEYRING_RULES,
    refreshing=None,
    clock=time.time,
    monotonic=time.monotonic,
):
    """Every use case, on this store and on keys in software."""
    keys = provider_gateway or gateway()
    keyring = Keyring(
        keys,
        store.keks,
        ManagedKeys("local", per),
        WrapCounts(store.keks, keys.max_wraps),
        on_refusal or (lambda _env, _org: None),
        limits_of,
    )
    bound = Decisions(store.bindings)
    for forget in (bound.forget, keyring.forget):
        store.when_renewed(forget)
    sealing = Sealing(keyring, bound)
    objects = Objects(store.objects, sealing, store.audit, limits or ObjectLimits(), limits_of)
    wrapping = KeyringDeks(keyring, keys, keyring_rules.master)
    at_once = refreshing or AtOnce()
    deks = Deks(store.keyrings, store.keyring_log, wrapping, keyring_rules, limits_of, at_once, clock, monotonic)
    store.when_renewed(deks.forget)
    return AllServices(
        bound=bound,
        keyring_care=KeyringCare(store.keyrings, store.keyring_log, wrapping, bound, (ENVIRONMENT, OTHER_ENVIRONMENT)),
        objects=objects,
        object_batches=ObjectBatches(objects, store.audit),
        versions=Versions(store.objects, sealing, store.audit),
        lists=Lists(store.objects, Cursors(store.keys)),
        data_keys=DataKeys(keyring, bound, store.audit, store.keys),
        items=Items(keyring, bound, store.audit, store.keys),
        operations=Operations(store.idempotency, store.objects),
        bindings=Bindings(store.bindings, catalog or Catalog({}), keys, Verifier(keys), store.keys),
        explanations=Explanations(store.objects, keyring, bound, store.audit),
        usages=Usages(store.usage, limits_of),
        keyrings=Keyrings(deks, bound, store.keyring_log, keyring_rules),
        portal=Portal(store.portal, PortalRules("https://keys.example")),
    )


@dataclass(frozen=True)
class AllServices(Services):
    """With those that have no route."""

    keyring_care: KeyringCare
    bound: Decisions


class AtOnce:
    """A Refreshing without a thread: it reads again while the request waits, and a failure is the request's."""

    def soon(self, _key, refresh):
        refresh()
