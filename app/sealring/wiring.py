"""Wiring: the only place that constructs adapters and providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self

from sealring.auth.key_sources import key_sources
from sealring.auth.scoping import Authenticator
from sealring.auth.tokens import TokenVerifier
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.ids import uuid_text
from sealring.domain.layout import Layout
from sealring.errors import SettingsInvalid
from sealring.factory import Services, Surroundings, make_server
from sealring.housekeeping import Housekeeper
from sealring.http.dispatch import Server
from sealring.http.health import Readiness
from sealring.keys import registry
from sealring.keys.bound_keys import BoundKeys
from sealring.keys.catalog import Catalog
from sealring.keys.gateway import THREADS, Gateway
from sealring.keys.keyring import Keyring
from sealring.keys.plugins import Plugins, customers_source, initialise, managed_source
from sealring.keys.store_key import make_layout, open_store_keys
from sealring.keys.wrap_counts import WrapCounts
from sealring.observability.logs import Log
from sealring.services.bindings import Bindings
from sealring.services.cursors import Cursors
from sealring.services.data_keys import DataKeys
from sealring.services.explanations import Explanations
from sealring.services.listing import Lists
from sealring.services.objects import Objects
from sealring.services.operations import Operations
from sealring.services.purging import Purging
from sealring.services.rounds import Alarms, Rounds
from sealring.services.sealing import Sealing
from sealring.services.verification import Verifier
from sealring.services.versions import Versions
from sealring.settings import Settings
from sealring.store.doctor.examination import examine
from sealring.store.doctor.findings import Finding
from sealring.store.durability import Durability, require_durability
from sealring.store.links import Links
from sealring.store.markers import Markers
from sealring.store.opened import OpenedStore
from sealring.store.redis_audit import RedisAudit
from sealring.store.redis_bindings import RedisBindings
from sealring.store.redis_intents import RedisIntents
from sealring.store.redis_keks import RedisKeks
from sealring.store.redis_layout import (
    check_untouched,
    check_writable,
    holds_layout_alone,
    read_layout,
    write_layout,
)
from sealring.store.redis_objects import RedisObjects
from sealring.store.redis_tombs import RedisTombs


def make_app(settings: Settings, log: Log, threads: int = THREADS) -> Server:
    """Build the application of a worker of so many threads. Raises SettingsInvalid, StoreError, KeyFailure."""
    gateway = make_gateway(settings, threads)
    links = _links(settings)
    layout = require_layout(links)
    durability = require_durability(links, settings.durability)
    log.notice(f"durability: {durability.value}")
    store = open_store(gateway, links, layout)
    announce(gateway, settings, log)
    stores, alarms = Stores.on(store), Alarms()
    services = _services(settings, gateway, stores, alarms, log)
    rounds = Rounds(stores.bindings, services.bindings, alarms)
    Housekeeper(make_purging(stores, settings), rounds, stores.tombs.lease, log).start(gateway.beside_requests)
    return make_server(services, _around(settings, gateway, store, durability, log))


def make_purging(stores: Stores, settings: Settings) -> Purging:
    return Purging(stores.tombs, audit_retention_s=settings.audit_retention_s)


@contextmanager
def opened_stores(settings: Settings) -> Iterator[tuple[Gateway, Stores]]:
    """Open the store for a command. Raises SettingsInvalid, StoreError, KeyFailure."""
    with reached(settings) as (gateway, links):
        yield gateway, Stores.on(open_store(gateway, links, require_layout(links)))


def load_plugins(settings: Settings) -> Plugins:
    """Import the plugins that the settings name, and no other. Raises SettingsInvalid."""
    plugins = Plugins.of(registry.load(settings.plugins), settings.plugins, settings.path.absolute().parent)
    plugins.require_managed(settings.managed.providers)
    return plugins


def make_gateway(settings: Settings, threads: int = THREADS) -> Gateway:
    """Raises SettingsInvalid. Providers are built on first use, in the process that uses them."""
    plugins = load_plugins(settings)
    return Gateway(
        {name: managed_source(loaded) for name, loaded in plugins.managed.items()},
        {name: customers_source(loaded) for name, loaded in plugins.customers.items()},
        threads=threads,
    )


def initialise_plugins(settings: Settings) -> Iterator[str]:
    """Let each plugin make what it needs before its first use, and say what was made. Raises SettingsInvalid."""
    for loaded in load_plugins(settings).managed.values():
        made = initialise(loaded)
        if made is not None:
            yield made


def run_command(settings: Settings, provider: str, name: str, options: Mapping[str, object]) -> Iterator[str]:
    """Run a command of a plugin, and yield what it prints. Raises SettingsInvalid."""
    loaded = load_plugins(settings).get(provider)
    if loaded is None:
        raise SettingsInvalid(f"[plugins.{provider}] is missing: the command needs its settings")
    yield from loaded.run(next(each for each in loaded.spec.commands if each.name == name), options)


def initialise_store(settings: Settings, partitions: int) -> bool:
    """Give an empty store its layout. Return False where it has one; that one stays."""
    with closing(_links(settings)) as links, closing(make_gateway(settings)) as gateway:
        layout, made = read_layout(links), False
        if layout is None:
            check_untouched(links)
            layout = make_layout(gateway, settings.managed.provider, partitions)
            made = write_layout(links, layout)
        if made or holds_layout_alone(links):  # an earlier set-up may have been cut short
            open_store(gateway, links, require_layout(links)).markers.begin()
        return made


def check(settings: Settings) -> Iterator[str]:
    """Reach what the settings name, and say how it went, a line each. Raises what is wrong."""
    with closing(make_gateway(settings)) as gateway, closing(_links(settings)) as links:
        gateway.check(settings.managed.provider)
        yield f"keys      ok: {settings.managed.provider}"
        layout = require_layout(links)
        check_writable(open_store(gateway, links, layout))
        yield f"store     ok: {layout.partitions} partitions, store {uuid_text(layout.store_id)}"
        durability = require_durability(links, settings.durability)
        yield f"durable   {'no' if durability is Durability.BEST_EFFORT else 'ok'}: {durability.value}"


def check_durability(settings: Settings) -> None:
    """Raises SettingsInvalid for a store that is less durable than the settings want; StoreUnavailable."""
    with closing(_links(settings)) as links:
        require_durability(links, settings.durability)


def examine_store(url: str, *, destructive: bool) -> Iterator[tuple[str, Finding]]:
    """Yield what each check of a store is called and what it finds. Raises SettingsInvalid, StoreUnavailable."""
    with closing(Links.to(url)) as links:
        yield from examine(links, destructive=destructive)


def announce(gateway: Gateway, settings: Settings, log: Log) -> None:
    """Build the managed provider, and let it say what it is."""
    said = gateway.announcement(settings.managed.provider)
    if said is not None:
        log.notice(f"keys: {settings.managed.provider}: {said}")


def make_authenticator(settings: Settings) -> Authenticator:
    return Authenticator(TokenVerifier(settings.issuers, key_sources(settings.issuers)))


def _links(settings: Settings) -> Links:
    return Links.to(settings.store_url, settings.durability.wait_replicas)


def require_layout(links: Links) -> Layout:
    """Raises SettingsInvalid where the store was never made ready; StoreUnavailable."""
    layout = read_layout(links)
    if layout is None:
        raise SettingsInvalid("the store is empty; make it ready with `sealring init`")
    return layout


def open_store(gateway: Gateway, links: Links, layout: Layout) -> OpenedStore:
    """Raises KeyFailure; SettingsInvalid where the managed keys are not those that the store was made with."""
    return OpenedStore.of(links, open_store_keys(gateway, layout), layout)


@contextmanager
def reached(settings: Settings) -> Iterator[tuple[Gateway, Links]]:
    """Reach keys and store for a command, whatever the store holds. Raises SettingsInvalid."""
    with closing(make_gateway(settings)) as gateway, closing(_links(settings)) as links:
        yield gateway, links


@dataclass(frozen=True, slots=True)
class Stores:
    """The adapters of one store."""

    keys: StoreKeys
    markers: Markers
    audit: RedisAudit
    intents: RedisIntents
    objects: RedisObjects
    keks: RedisKeks
    bindings: RedisBindings
    tombs: RedisTombs

    @classmethod
    def on(cls, store: OpenedStore) -> Self:
        links, keys, keyspace, markers, records = store.links, store.keys, store.keyspace, store.markers, store.records
        audit = RedisAudit(links, keyspace, keys)
        intents = RedisIntents(keyspace, markers, records, keys)
        return cls(
            keys=keys,
            markers=markers,
            audit=audit,
            intents=intents,
            objects=RedisObjects(links, keyspace, markers, records, store.index, audit, intents),
            keks=RedisKeks(links, keyspace, markers, records, audit),
            bindings=RedisBindings(links, keyspace, markers, records, audit),
            tombs=RedisTombs(links, keyspace, markers, records, audit),
        )


def make_bindings(settings: Settings, gateway: Gateway, stores: Stores) -> Bindings:
    catalog = Catalog(load_plugins(settings).customers)
    return Bindings(stores.bindings, catalog, gateway, Verifier(gateway), stores.keys)


def _services(settings: Settings, gateway: Gateway, stores: Stores, alarms: Alarms, log: Log) -> Services:
    keyring, bound = make_keyring(settings, gateway, stores, alarms, log), BoundKeys(stores.bindings)
    sealing = Sealing(keyring, bound)
    for forget in (bound.forget, keyring.forget):
        stores.markers.when_renewed(forget)
    objects, audit = stores.objects, stores.audit
    return Services(
        objects=Objects(objects, sealing, audit, settings.limits),
        versions=Versions(objects, sealing, audit),
        lists=Lists(objects, Cursors(stores.keys)),
        data_keys=DataKeys(keyring, bound, audit, stores.keys),
        operations=Operations(stores.intents, objects),
        bindings=make_bindings(settings, gateway, stores),
        explanations=Explanations(objects, keyring, bound, audit),
    )


def make_keyring(settings: Settings, gateway: Gateway, stores: Stores, alarms: Alarms, log: Log) -> Keyring:
    counts = WrapCounts(stores.keks, gateway.max_wraps, log.notice)
    return Keyring(gateway, stores.keks, settings.managed, counts, alarms.raise_for)


def _around(settings: Settings, gateway: Gateway, store: OpenedStore, durability: Durability, log: Log) -> Surroundings:
    checks = {
        "store": partial(check_writable, store),
        "keys": partial(gateway.check, settings.managed.provider),
    }
    return Surroundings(
        authenticator=make_authenticator(settings),
        fingerprint=store.keys.fingerprint,
        readiness=Readiness(checks, durability.value),
        log=log,
        max_value_bytes=settings.limits.max_value_bytes,
    )
