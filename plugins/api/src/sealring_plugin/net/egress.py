"""The egress guard: which hosts a provider may talk to, resolved once and pinned.

Parts of a key's address come from its owner. So a provider connects to the hosts of its own cloud, and to those that
the operator allows by name; never to where clouds keep their metadata, and to a private or loopback address only if the
operator named that very host. `HttpsClient` follows no redirect, so that the guard sees every host that is called.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sealring_plugin.errors import ConfigInvalid
from sealring_plugin.net.addresses import Reach, reach_of
from sealring_plugin.net.dialing import connect_any, resolve
from sealring_plugin.net.endpoint import HOST


@dataclass(frozen=True, slots=True)
class Egress:
    """`suffixes`: the cloud's domains, each with its leading dot. `allowed`: the operator's `host` or `host:port`."""

    suffixes: tuple[str, ...]
    allowed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, suffixes: Iterable[str], allowed: str) -> Self:
        """`allowed` is the operator's setting: hosts with a comma between. Raises ConfigInvalid."""
        named = frozenset(part.strip().lower() for part in allowed.split(",") if part.strip())
        for part in named:
            host, _, port = part.partition(":")
            if not HOST.fullmatch(host) or (port and not port.isdecimal()):
                raise ConfigInvalid("allowed_hosts must be names or addresses, each with a port or without, and commas")
        return cls(tuple(suffixes), named)

    def check(self, host: str, port: int) -> None:
        """Raises ConfigInvalid if the host is neither the cloud's nor allowed. Resolves nothing."""
        if not HOST.fullmatch(host):
            raise ConfigInvalid("the key's endpoint is no host name")
        if not self._named(host, port) and not (port == 443 and host.endswith(self.suffixes)):
            raise ConfigInvalid("the key's endpoint is not one that the operator allows")

    def connect(self, host: str, port: int, deadline: float) -> socket.socket:
        """Return a connection to an address that was checked, as all of the name's were. `deadline` is in seconds of
        time.monotonic(), and the end of resolving the name too.

        Raises ConfigInvalid as `check` does, and where the name leads to an address that is never called; Unavailable;
        DeadlineExceeded.
        """
        self.check(host, port)
        places = resolve(host, port, deadline)
        barred = {Reach.NEVER} if self._named(host, port) else {Reach.NEVER, Reach.PRIVATE}
        if any(reach_of(place.ip) in barred for place in places):
            raise ConfigInvalid("the key's endpoint leads to an address that is never called")
        return connect_any(places, deadline)

    def _named(self, host: str, port: int) -> bool:
        return bool({host, f"{host}:{port}"} & self.allowed)
