"""The source of a request for the audit log: the class of the peer's address, never the address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(1024)
def source_of(address: str) -> str:
    """Return loopback, private or public; unix if there is no address, as on a Unix socket."""
    try:
        peer = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unix"
    peer = getattr(peer, "ipv4_mapped", None) or peer  # a dual-stack listener shows IPv4 peers so
    if peer.is_loopback:
        return "loopback"
    return "public" if peer.is_global else "private"
