"""The egress guard: which hosts a provider may talk to, resolved once and pinned.

Parts of a key's address come from its owner. So a provider connects to the hosts of its own cloud, and to those that
the operator allows by name; never to a link-local address, where clouds keep their metadata, and to a private or
loopback one only where the operator named that very host. It follows no redirect: that is each client's to switch off.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sealring_plugin.errors import ConfigInvalid, DeadlineExceeded, Unavailable

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_METADATA = frozenset({"169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200"})


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
            if not _HOST.fullmatch(host) or (port and not port.isdecimal()):
                raise ConfigInvalid("allowed_hosts must be names or addresses, each with a port or without, and commas")
        return cls(tuple(suffixes), named)

    def check(self, host: str, port: int) -> None:
        """Raises ConfigInvalid where the host is neither the cloud's nor allowed. Resolves nothing."""
        if not _HOST.fullmatch(host):
            raise ConfigInvalid("the key's endpoint is no host name")
        if not self._named(host, port) and not (port == 443 and host.endswith(self.suffixes)):
            raise ConfigInvalid("the key's endpoint is not one that the operator allows")

    def connect(self, host: str, port: int, deadline: float) -> socket.socket:
        """Return a connection to the one address that was checked. `deadline` is in seconds of time.monotonic().

        Raises ConfigInvalid as `check` does, and where the name leads to an address that is never called; Unavailable;
        DeadlineExceeded.
        """
        self.check(host, port)
        family, address = self._resolved(host, port)
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise DeadlineExceeded("no time was left to connect")
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(left_s)
            connection.connect(address)
        except TimeoutError:
            connection.close()
            raise DeadlineExceeded("the endpoint did not take the connection in time") from None
        except OSError as error:
            connection.close()
            raise Unavailable(f"the endpoint cannot be reached ({type(error).__name__})") from None
        return connection

    def _named(self, host: str, port: int) -> bool:
        return bool({host, f"{host}:{port}"} & self.allowed)

    def _resolved(self, host: str, port: int) -> tuple[socket.AddressFamily, tuple[object, ...]]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise Unavailable("the endpoint's name cannot be resolved") from None
        private_too = self._named(host, port)
        for *_, address in found:
            if not _callable(str(address[0]), private_too=private_too):
                raise ConfigInvalid("the key's endpoint leads to an address that is never called")
        family, _, _, _, address = found[0]
        return family, address


def _callable(text: str, *, private_too: bool) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    if str(address) in _METADATA or address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return address.is_global or private_too
