"""Wiring: the only place that constructs adapters and providers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from sealring.auth.key_sources import key_sources
from sealring.auth.revoked import RevokedTokens
from sealring.auth.scoping import Authenticator, operator
from sealring.auth.tokens import TokenVerifier
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.ids import uuid_text
from sealring.domain.layout import Layout
from sealring.domain.principal import Caller
from sealring.errors import IntegrityFailure, SettingsInvalid
from sealring.factory import Services, Surroundings, make_server
from sealring.housekeeping import Housekeeper
from sealring.http.dispatch import Server
from sealring.http.health import Readiness
from sealring.keys import registry
from sealring.keys.bound_keys import BoundKeys
from sealring.keys.catalog import Catalog, Loaded
from sealring.keys.gateway import Gateway
from sealring.keys.keyring import Keyring
from sealring.keys.providers import Source
from sealring.keys.store_key import make_layout, open_store_keys
from sealring.observability.logs import Log
from sealring.services.bindings import Bindings
from sealring.services.cursors import Cursors
from sealring.services.data_keys import DataKeys
from sealring.services.explanations import Explanations
from sealring.services.listing import Lists
from sealring.services.objects import Objects
from sealring.services.operations import Operations
from sealring.services.purging import Purging
from sealring.services.revocations import Revocations
from sealring.services.rounds import Alarms, Rounds
from sealring.services.sealing import Sealing
from sealring.services.verification import Verifier
from sealring.services.versions import Versions
from sealring.settings import Settings
from sealring.store.doctor.examination import examine
from sealring.store.doctor.findings import Finding
from sealring.store.durability import Durability, require_durability
from sealring.store.links import Links
from sealring.store.opened import OpenedStore
from sealring.store.redis_audit import RedisAudit
from sealring.store.redis_bindings import RedisBindings
from sealring.store.redis_intents import RedisIntents
from sealring.store.redis_keks import RedisKeks
from sealring.store.redis_layout import check_untouched, check_writable, read_layout, write_layout
from sealring.store.redis_objects import RedisObjects
from sealring.store.redis_revocations import RedisRevocations
from sealring.store.redis_tombs import RedisTombs
from sealring_plugin import Announces, ConfigValue, ProviderError, ProviderSpec, parse_fields


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that the settings name, with its settings checked."""

    spec: ProviderSpec
    config: Mapping[str, ConfigValue]


def make_app(settings: Settings, log: Log) -> Server:
    """Build the application of one worker. Raises SettingsInvalid, StoreError, KeyFailure."""
    gateway = make_gateway(settings)
    links = _links(settings)
    layout = require_layout(links)
    durability = require_durability(links, settings.durability)
    log.notice(f"durability: {durability.value}")
    store = open_store(gateway, links, layout)
    announce(gateway, settings, log)
    stores, alarms = Stores.on(store), Alarms()
    for line in lacking_revocations(settings, stores):
        log.notice(line)
    services = _services(settings, gateway, stores, alarms)
    Housekeeper(
        make_purging(stores, settings), Rounds(stores.bindings, services.bindings, alarms), stores.tombs.lease, log
    ).start()
    return make_server(services, _around(settings, gateway, links, stores, durability, log))


def make_purging(stores: Stores, settings: Settings) -> Purging:
    return Purging(stores.tombs, audit_retention_s=settings.audit_retention_s)


@contextmanager
def opened_stores(settings: Settings) -> Iterator[tuple[Gateway, Stores]]:
    """Open the store for a command. Raises SettingsInvalid, StoreError, KeyFailure."""
    with reached(settings) as (gateway, links):
        yield gateway, Stores.on(open_store(gateway, links, require_layout(links)))


def load_plugins(settings: Settings) -> Mapping[str, Plugin]:
    """Import the plugins that the settings name, and no other. Raises SettingsInvalid."""
    return {name: _plugin(spec, settings) for name, spec in registry.load(settings.plugins).items()}


def make_gateway(settings: Settings) -> Gateway:
    """Raises SettingsInvalid. Providers are built on first use, in the process that uses them."""
    sources = {
        name: Source(partial(plugin.spec.build, plugin.config), plugin.spec.waits_with(plugin.config))
        for name, plugin in load_plugins(settings).items()
    }
    return Gateway(sources)


def initialise_plugins(settings: Settings) -> Iterator[str]:
    """Let each plugin make what it needs before its first use, and say what was made. Raises SettingsInvalid."""
    for plugin in load_plugins(settings).values():
        if plugin.spec.initialise is not None:
            with _plugin_settings(plugin.spec):
                yield plugin.spec.initialise(plugin.config)


def run_command(settings: Settings, provider: str, name: str, options: Mapping[str, object]) -> Iterator[str]:
    """Run a command of a plugin, and yield what it prints. Raises SettingsInvalid."""
    plugin = load_plugins(settings).get(provider)
    if plugin is None:
        raise SettingsInvalid(f"[plugins.{provider}] is missing: the command needs its settings")
    command = next(each for each in plugin.spec.commands if each.name == name)
    with _plugin_settings(plugin.spec):
        yield from command.run(plugin.config, parse_fields(command.options, options, Path.cwd()))


def initialise_store(settings: Settings, partitions: int) -> bool:
    """Give an empty store its layout. Return False where it has one; that one stays."""
    with closing(_links(settings)) as links, closing(make_gateway(settings)) as gateway:
        if read_layout(links) is not None:
            return False
        check_untouched(links)
        layout = make_layout(gateway, settings.managed.provider, partitions)
        if not write_layout(links, layout):
            return False
        revocations = Revocations(Stores.on(open_store(gateway, links, layout)).revocations)
        for environment in settings.environments:
            revocations.begin(Caller(operator(environment), "init"))
        return True


def check(settings: Settings) -> Iterator[str]:
    """Reach what the settings name, and say how it went, a line each. Raises what is wrong."""
    with closing(make_gateway(settings)) as gateway, closing(_links(settings)) as links:
        gateway.check(settings.managed.provider)
        yield f"keys      ok: {settings.managed.provider}"
        layout = require_layout(links)
        check_writable(links)
        stores = Stores.on(open_store(gateway, links, layout))
        yield f"store     ok: {layout.partitions} partitions, store {uuid_text(layout.store_id)}"
        durability = require_durability(links, settings.durability)
        if (lacking := next(lacking_revocations(settings, stores), None)) is not None:
            raise SettingsInvalid(lacking)
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
    provider = gateway.provider(settings.managed.provider)
    if isinstance(provider, Announces):
        log.notice(f"keys: {settings.managed.provider}: {provider.announcement()}")


def lacking_revocations(settings: Settings, stores: Stores) -> Iterator[str]:
    """Yield a line for each environment that has no list of revocations, or not the one that we wrote."""
    for environment in settings.environments:
        try:
            stores.revocations.load(environment)
        except IntegrityFailure:
            yield (
                f"{environment} has no list of revoked tokens, or it was altered: all its requests are refused; where "
                "the environment is new, begin one with `sealring token revocations --begin-anew`, else see "
                "docs/tokens.md first"
            )


def make_authenticator(settings: Settings, stores: Stores) -> Authenticator:
    verifier = TokenVerifier(settings.issuers, key_sources(settings.issuers))
    return Authenticator(verifier, RevokedTokens(stores.revocations))


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
    return OpenedStore.of(links, open_store_keys(gateway, layout), layout.partitions)


@contextmanager
def reached(settings: Settings) -> Iterator[tuple[Gateway, Links]]:
    """Reach keys and store for a command, whatever the store holds. Raises SettingsInvalid."""
    with closing(make_gateway(settings)) as gateway, closing(_links(settings)) as links:
        yield gateway, links


def _plugin(spec: ProviderSpec, settings: Settings) -> Plugin:
    with _plugin_settings(spec):
        return Plugin(spec, spec.parse_config(settings.plugins[spec.name], settings.path.absolute().parent))


@contextmanager
def _plugin_settings(spec: ProviderSpec) -> Iterator[None]:
    """Turn what a plugin says of its settings into our one line."""
    try:
        yield
    except ProviderError as error:
        raise SettingsInvalid(f"[plugins.{spec.name}] {error}") from error


@dataclass(frozen=True, slots=True)
class Stores:
    """The adapters of one store."""

    keys: StoreKeys
    audit: RedisAudit
    intents: RedisIntents
    objects: RedisObjects
    keks: RedisKeks
    bindings: RedisBindings
    tombs: RedisTombs
    revocations: RedisRevocations

    @classmethod
    def on(cls, store: OpenedStore) -> Self:
        links, keys, keyspace, records = store.links, store.keys, store.keyspace, store.records
        audit = RedisAudit(links, keyspace, keys)
        intents = RedisIntents(links, keyspace, records, keys)
        return cls(
            keys=keys,
            audit=audit,
            intents=intents,
            objects=RedisObjects(links, keyspace, records, store.index, audit, intents),
            keks=RedisKeks(links, keyspace, records, audit),
            bindings=RedisBindings(links, keyspace, records, audit),
            tombs=RedisTombs(links, keyspace, records, audit),
            revocations=RedisRevocations(links, keyspace, keys, audit),
        )


def make_bindings(settings: Settings, gateway: Gateway, stores: Stores) -> Bindings:
    loaded = {name: Loaded(plugin.spec, plugin.config) for name, plugin in load_plugins(settings).items()}
    return Bindings(stores.bindings, Catalog(loaded), gateway, Verifier(gateway), stores.keys)


def _services(settings: Settings, gateway: Gateway, stores: Stores, alarms: Alarms) -> Services:
    keyring = make_keyring(settings, gateway, stores, alarms)
    sealing = Sealing(keyring)
    objects, audit = stores.objects, stores.audit
    return Services(
        objects=Objects(objects, sealing, audit, settings.limits),
        versions=Versions(objects, sealing, audit),
        lists=Lists(objects, Cursors(stores.keys)),
        data_keys=DataKeys(keyring, audit),
        operations=Operations(stores.intents, objects),
        bindings=make_bindings(settings, gateway, stores),
        explanations=Explanations(objects, keyring, audit),
    )


def make_keyring(settings: Settings, gateway: Gateway, stores: Stores, alarms: Alarms) -> Keyring:
    return Keyring(gateway, stores.keks, BoundKeys(stores.bindings), settings.managed, alarms.raise_for)


def _around(  # noqa: PLR0913, PLR0917  what a front needs is in several places
    settings: Settings, gateway: Gateway, links: Links, stores: Stores, durability: Durability, log: Log
) -> Surroundings:
    checks = {
        "store": partial(check_writable, links),
        "keys": partial(gateway.check, settings.managed.provider),
    }
    return Surroundings(
        authenticator=make_authenticator(settings, stores),
        readiness=Readiness(checks, durability.value),
        log=log,
        max_value_bytes=settings.limits.max_value_bytes,
    )
