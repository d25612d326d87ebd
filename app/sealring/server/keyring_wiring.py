"""Construction of the use cases of keyrings, for the commands and for application.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sealring.archive.opened import OpenedBucket
from sealring.domain.keyring_ports import KeyringStore
from sealring.domain.limits import LimitsOf
from sealring.errors import SettingsInvalid
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring
from sealring.keys.keyring_deks import KeyringDeks
from sealring.keys.refreshing import Refreshing
from sealring.observability.logs import Log
from sealring.providers.failures import for_the_operator
from sealring.providers.gateway import Gateway
from sealring.server import wiring
from sealring.server.wiring import Stores
from sealring.services.health_checks import FailedKeys
from sealring.services.keyring_care import KeyringCare
from sealring.services.keyrings import Keyrings
from sealring.services.newest_deks import Deks
from sealring.settings import Settings


def open_bucket(settings: Settings, log: Log) -> OpenedBucket | None:
    """Open the bucket of keyrings, if they are in one. Raises SettingsInvalid if it cannot hold them.

    One that is away does not prevent a start: it is asked again before the first key is made in it.
    """
    if settings.bucket is None:
        return None
    if settings.bucket.is_plain:
        log.notice(
            "keyrings: their storage is reached without TLS: whoever is between could replace their wrapped keys"
        )
    bucket = OpenedBucket.at(settings.bucket)
    try:
        failure = bucket.prove()
    except SettingsInvalid:
        bucket.close()
        raise
    if failure is not None:
        log.notice(f"keyrings: their storage is not available yet: {for_the_operator(failure)}")
    return bucket


def keyring_store(settings: Settings, stores: Stores, bucket: OpenedBucket | None) -> KeyringStore:
    return stores.keyrings if bucket is None else bucket.keyrings(stores.keyring_log, settings.environments[0])


def make_keyrings(  # noqa: PLR0913, PLR0917  its parts
    settings: Settings,
    gateway: Gateway,
    stores: Stores,
    store: KeyringStore,
    keyring: Keyring,
    bound: Decisions,
    limits_of: LimitsOf,
) -> Keyrings:
    rules = settings.keyrings
    keys = KeyringDeks(keyring, gateway, rules.master)
    deks = Deks(store, stores.keyring_log, keys, rules, limits_of, Refreshing())
    stores.markers.when_renewed(deks.forget)
    return Keyrings(deks, bound, stores.keyring_log, rules)


@dataclass(frozen=True, slots=True)
class CommandsOfKeyrings:
    """The use cases of keyrings, for a command."""

    keyrings: Keyrings
    care: KeyringCare


@contextmanager
def opened_keyrings(settings: Settings, log: Log) -> Iterator[CommandsOfKeyrings]:
    """Open the store for a command. Raises SettingsInvalid, StoreError, KeyFailure."""
    with wiring.opened_stores(settings) as (gateway, stores), _opened_bucket(settings, log) as bucket:
        limits = wiring.make_limits(settings, stores)
        limits.renew()
        bound = Decisions(stores.bindings)
        store = keyring_store(settings, stores, bucket)
        keyring = wiring.make_keyring(settings, gateway, stores, FailedKeys(), log, limits.of)
        keyrings = make_keyrings(settings, gateway, stores, store, keyring, bound, limits.of)
        keys = KeyringDeks(keyring, gateway, settings.keyrings.master)
        care = KeyringCare(store, stores.keyring_log, keys, bound, settings.environments)
        yield CommandsOfKeyrings(keyrings, care)


@contextmanager
def _opened_bucket(settings: Settings, log: Log) -> Iterator[OpenedBucket | None]:
    bucket = open_bucket(settings, log)
    try:
        yield bucket
    finally:
        if bucket is not None:
            bucket.close()
