"""Construction of adapters and providers, for the commands and for application.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sealring.archive.opened import checked
from sealring.auth.scoping import operator
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.ids import uuid_text
from sealring.domain.layout import Layout
from sealring.domain.limits import LimitsOf, unlimited
from sealring.domain.pin import Pin
from sealring.domain.principal import Caller
from sealring.errors import IntegrityFailure, SettingsInvalid
from sealring.keys.keyring import Keyring
from sealring.keys.store_key import open_store_keys
from sealring.keys.wrap_counts import WrapCounts
from sealring.observability.logs import Log
from sealring.providers import registry
from sealring.providers.catalog import Catalog
from sealring.providers.gateway import THREADS, Gateway
from sealring.providers.plugins import Plugins, customers_source, initialise, managed_source
from sealring.server.root_of_trust import make_ready, make_ready_with
from sealring.server.root_seals import RootSeals
from sealring.server.trust_files import TrustFiles
from sealring.services.bindings import Bindings
from sealring.services.health_checks import FailedKeys
from sealring.services.limits import LimitsInForce
from sealring.services.purging import Purging
from sealring.services.revocations import Revocations
from sealring.services.verification import Verifier
from sealring.settings import Settings
from sealring.store.audit import RedisAudit
from sealring.store.bindings import RedisBindings
from sealring.store.checks import RedisChecks
from sealring.store.connection.durability import Durability, require_durability
from sealring.store.connection.links import Links
from sealring.store.doctor.diagnosis import Diagnosis
from sealring.store.doctor.examination import examine
from sealring.store.idempotency import RedisIdempotency
from sealring.store.keks import RedisKeks
from sealring.store.keyring_log import RedisKeyringLog
from sealring.store.keyrings import RedisKeyrings
from sealring.store.layout import check_writable, holds_layout_alone, read_layout
from sealring.store.limits import RedisLimits
from sealring.store.markers import Markers
from sealring.store.objects import RedisObjects
from sealring.store.opened import OpenedStore
from sealring.store.portal import RedisPortal
from sealring.store.revocations import RedisRevocations
from sealring.store.tombs import RedisTombs
from sealring.store.usage import RedisUsage


def make_purging(stores: Stores, settings: Settings) -> Purging:
    return Purging(stores.tombs, audit_retention_s=settings.audit_retention_s)


@contextmanager
def opened_stores(settings: Settings) -> Iterator[tuple[Gateway, Stores]]:
    """Open the store for a command. Raises SettingsInvalid, StoreError, KeyFailure."""
    pin = trust_files(settings).pin()
    with reached(settings) as (gateway, links):
        yield gateway, Stores.on(open_store(gateway, links, require_layout(links), pin))


def trust_files(settings: Settings) -> TrustFiles:
    return TrustFiles(settings.pin_file)


def check_revocations(settings: Settings, stores: Stores) -> None:
    """Raises IntegrityFailure if no environment has its list, so that all requests are refused; StoreError.

    If only some environments lack their list, the others are served, and a notice at start names those.
    """
    failures: list[IntegrityFailure] = []
    for environment in settings.environments:
        try:
            stores.revocations.load(environment)
        except IntegrityFailure as failure:
            failures.append(failure)
    if len(failures) == len(settings.environments):
        raise failures[0]


def load_plugins(settings: Settings) -> Plugins:
    """Import only the plugins that the settings name. Raises SettingsInvalid."""
    plugins = Plugins.of(registry.load(settings.plugins), settings.plugins, settings.path.absolute().parent)
    plugins.require_managed(settings.managed.providers, settings.keyrings.master)
    return plugins.keeping_sealed() if settings.sealing.seals else plugins


def opened_plugins(settings: Settings) -> Plugins:
    """Load the plugins for a command, and open the root keys if they are sealed. Raises SettingsInvalid."""
    plugins = load_plugins(settings)
    return plugins.unsealed(RootSeals(settings, plugins).open()) if settings.sealing.seals else plugins


def make_gateway(settings: Settings) -> Gateway:
    """Raises SettingsInvalid."""
    return gateway_to(opened_plugins(settings))


def gateway_to(plugins: Plugins, threads: int = THREADS) -> Gateway:
    """Raises SettingsInvalid. Providers are built on first use, in the process that uses them."""
    return Gateway(
        {name: managed_source(loaded) for name, loaded in plugins.managed.items()},
        {name: customers_source(loaded) for name, loaded in plugins.customers.items()},
        threads=threads,
    )


def initialise_plugins(settings: Settings) -> Iterator[str]:
    """Let each plugin make what it needs before its first use, and yield what it made. Raises SettingsInvalid."""
    plugins = load_plugins(settings)
    for loaded in plugins.managed.values():
        made = None if loaded.is_sealed else initialise(loaded)
        if made is not None:
            yield made
    if settings.sealing.seals:
        yield from RootSeals(settings, plugins).initialise()


def run_command(settings: Settings, provider: str, name: str, options: Mapping[str, object]) -> Iterator[str]:
    """Run a command of a plugin, and yield what it prints. Raises SettingsInvalid."""
    loaded = load_plugins(settings).get(provider)
    if loaded is None:
        raise SettingsInvalid(f"[plugins.{provider}] is missing: the command needs its settings")
    yield from loaded.run(next(each for each in loaded.spec.commands if each.name == name), options)


def initialise_store(
    settings: Settings, partitions: int, *, layout_file: Path | None = None, trusting: bool = False
) -> str:
    """Make an empty store ready, or check the existing one, and return what was done.

    `layout_file` is a kept layout to use for an empty store. `trusting`: the operator says to trust the store although
    none is pinned. Raises SettingsInvalid; KeyFailure; StoreError.
    """
    with reached(settings) as (gateway, links):
        files = trust_files(settings)
        if layout_file is not None:
            done = make_ready_with(gateway, links, files, layout_file, trusting=trusting)
        else:
            done = make_ready(gateway, links, files, (settings.managed.provider, partitions), trusting=trusting)
        if holds_layout_alone(links):
            _begin(settings, open_store(gateway, links, require_layout(links), files.pin()))
        return done


def _begin(settings: Settings, store: OpenedStore) -> None:
    """Write the lists of revocations, which a new store has beside its layout and its markers."""
    revocations = Revocations(Stores.on(store).revocations)
    for environment in settings.environments:
        revocations.begin(Caller(operator(environment), "init"))


def check(settings: Settings) -> Iterator[str]:
    """Connect to the key provider and the store, and yield a line for each check that passed.

    Raises SettingsInvalid, KeyFailure, StoreError.
    """
    with closing(make_gateway(settings)) as gateway, closing(make_links(settings)) as links:
        for provider in settings.providers_in_use:
            gateway.check(provider)
            yield f"keys      ok: {provider}"
        if settings.sealing.seals:
            yield from RootSeals(settings, load_plugins(settings)).report()
        pin = trust_files(settings).pin()
        layout = require_layout(links)
        store = open_store(gateway, links, layout, pin)
        check_writable(store)
        yield f"store     ok: {layout.partitions} partitions, store {uuid_text(layout.store_id)}"
        durability = require_durability(links, settings.durability)
        if (lacking := next(lacking_revocations(settings, Stores.on(store)), None)) is not None:
            raise SettingsInvalid(lacking)
        yield from checked(settings.bucket)
        yield f"durable   {'no' if durability is Durability.BEST_EFFORT else 'ok'}: {durability.value}"


def check_durability(settings: Settings) -> None:
    """Raises SettingsInvalid if the store is less durable than the settings require; StoreUnavailable."""
    with closing(make_links(settings)) as links:
        require_durability(links, settings.durability)


def examine_store(url: str, *, destructive: bool) -> Iterator[tuple[str, Diagnosis]]:
    """Yield the name and the finding of each check of a store. Raises SettingsInvalid, StoreUnavailable."""
    with closing(Links.to(url)) as links:
        yield from examine(links, destructive=destructive)


def lacking_revocations(settings: Settings, stores: Stores) -> Iterator[str]:
    """Yield a line for each environment whose list of revocations is missing or was altered."""
    for environment in settings.environments:
        try:
            stores.revocations.load(environment)
        except IntegrityFailure:
            yield (
                f"{environment} has no list of revoked tokens, or it was altered: all its requests are refused; if "
                "the environment is new, begin one with `sealring token revocations --begin-anew`; if not, see "
                "docs/tokens.md first"
            )


def make_links(settings: Settings) -> Links:
    return Links.to(settings.store_url, settings.durability.wait_replicas)


def require_layout(links: Links) -> Layout:
    """Raises SettingsInvalid if the store was never made ready; StoreUnavailable."""
    layout = read_layout(links)
    if layout is None:
        raise SettingsInvalid(
            "the store is empty: if it is new, make it ready with `sealring init`; if it had data, find out what "
            "emptied it, and restore a backup with `sealring restore`"
        )
    return layout


def open_store(gateway: Gateway, links: Links, layout: Layout, pin: Pin) -> OpenedStore:
    """Raises KeyFailure; SettingsInvalid if it is not the pinned store, or was made with other managed keys."""
    return OpenedStore.of(links, open_store_keys(gateway, layout, pin), layout)


@contextmanager
def reached(settings: Settings) -> Iterator[tuple[Gateway, Links]]:
    """Open the gateway and the links of a command, without a check of the store. Raises SettingsInvalid."""
    with closing(make_gateway(settings)) as gateway, closing(make_links(settings)) as links:
        yield gateway, links


@dataclass(frozen=True, slots=True)
class Stores:
    """The adapters of one store."""

    keys: StoreKeys
    markers: Markers
    audit: RedisAudit
    idempotency: RedisIdempotency
    objects: RedisObjects
    keks: RedisKeks
    bindings: RedisBindings
    tombs: RedisTombs
    revocations: RedisRevocations
    usage: RedisUsage
    limits: RedisLimits
    keyrings: RedisKeyrings
    keyring_log: RedisKeyringLog
    checks: RedisChecks
    portal: RedisPortal

    @classmethod
    def on(cls, store: OpenedStore) -> Self:
        links, keys, keyspace, markers, records = store.links, store.keys, store.keyspace, store.markers, store.records
        audit = RedisAudit(links, keyspace, markers, keys)
        idempotency = RedisIdempotency(keyspace, markers, records, keys)
        return cls(
            keys=keys,
            markers=markers,
            audit=audit,
            idempotency=idempotency,
            objects=RedisObjects(links, keyspace, markers, records, store.index, audit, idempotency),
            keks=RedisKeks(links, keyspace, markers, records, audit),
            bindings=RedisBindings(links, keyspace, markers, records, audit),
            tombs=RedisTombs(links, keyspace, markers, records, audit),
            revocations=RedisRevocations(links, keyspace, markers, keys, audit),
            usage=RedisUsage(keyspace, markers),
            limits=RedisLimits(links, keyspace, markers, keys, audit),
            keyrings=RedisKeyrings(links, keyspace, markers, keys, audit),
            keyring_log=RedisKeyringLog(links, keyspace, markers, audit),
            checks=RedisChecks(links, keyspace, markers),
            portal=RedisPortal(links, keyspace, markers, keys, audit),
        )


def make_bindings(plugins: Plugins, gateway: Gateway, stores: Stores) -> Bindings:
    return Bindings(stores.bindings, Catalog(plugins.customers), gateway, Verifier(gateway), stores.keys)


def make_limits(settings: Settings, stores: Stores) -> LimitsInForce:
    """Without the operator's overrides, until `renew`."""
    return LimitsInForce(stores.limits, settings.fairness.organization, settings.environments)


def make_keyring(  # noqa: PLR0913, PLR0917  its parts
    settings: Settings,
    gateway: Gateway,
    stores: Stores,
    failed_keys: FailedKeys,
    log: Log,
    limits_of: LimitsOf = unlimited,
) -> Keyring:
    counts = WrapCounts(stores.keks, gateway.max_wraps, log.notice)
    return Keyring(gateway, stores.keks, settings.managed, counts, failed_keys.note, limits_of)
