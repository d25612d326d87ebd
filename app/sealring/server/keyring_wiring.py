"""Construction of the use cases of keyrings, for the commands and for application.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sealring.domain.limits import LimitsOf
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring
from sealring.keys.keyring_deks import KeyringDeks
from sealring.keys.refreshing import Refreshing
from sealring.observability.logs import Log
from sealring.providers.gateway import Gateway
from sealring.server import wiring
from sealring.server.wiring import Stores
from sealring.services.health_checks import FailedKeys
from sealring.services.keyring_care import KeyringCare
from sealring.services.keyrings import Keyrings
from sealring.services.newest_deks import Deks
from sealring.settings import Settings


def make_keyrings(  # noqa: PLR0913, PLR0917  its parts
    settings: Settings, gateway: Gateway, stores: Stores, keyring: Keyring, bound: Decisions, limits_of: LimitsOf
) -> Keyrings:
    rules = settings.keyrings
    keys = KeyringDeks(keyring, gateway, rules.master)
    deks = Deks(stores.keyrings, stores.keyring_log, keys, rules, limits_of, Refreshing())
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
    with wiring.opened_stores(settings) as (gateway, stores):
        limits = wiring.make_limits(settings, stores)
        limits.renew()
        bound = Decisions(stores.bindings)
        keyring = wiring.make_keyring(settings, gateway, stores, FailedKeys(), log, limits.of)
        keyrings = make_keyrings(settings, gateway, stores, keyring, bound, limits.of)
        keys = KeyringDeks(keyring, gateway, settings.keyrings.master)
        care = KeyringCare(stores.keyrings, stores.keyring_log, keys, bound, settings.environments)
        yield CommandsOfKeyrings(keyrings, care)
