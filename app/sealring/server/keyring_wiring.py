"""Construction of the use cases of keyrings, for the commands and for application.py."""

from __future__ import annotations

from sealring.domain.limits import LimitsOf
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring
from sealring.keys.keyring_deks import KeyringDeks
from sealring.keys.refreshing import Refreshing
from sealring.providers.gateway import Gateway
from sealring.server.wiring import Stores
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
