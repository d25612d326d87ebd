"""The DEKs of keyrings, as an operator sees them."""

from collections.abc import Sequence
from contextlib import suppress

from sealring.auth.scoping import operator
from sealring.domain.keyrings import DekInfo, Keyring
from sealring.domain.principal import Caller
from sealring.errors import NotFound
from sealring.observability.logs import Log
from sealring.server.keyring_wiring import opened_keyrings
from support.live import LiveServer


def deks_of(server: LiveServer, ring: str) -> Sequence[DekInfo]:
    """The stored DEKs of a keyring, as `sealring keyrings show` has them. One environment alone has such a keyring."""
    config = server.settings
    with opened_keyrings(config, Log()) as opened:
        for environment in config.environments:
            with suppress(NotFound):
                return opened.care.show(Caller(operator(environment), "test", deadline=float("inf")), Keyring(ring))
    raise AssertionError(f"no keyring {ring}")
