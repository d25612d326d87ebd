"""Where a request comes from, as the audit log tells it: the class of the peer's address, and never the address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


@lru_cache(1024)
def source_of(address: str) -> str:
    """Return loopback, private or public; unix where there is no address, as on a Unix socket."""
    try:
        peer = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unix"
    peer = getattr(peer, "ipv4_mapped", None) or peer  # as a listener of both families shows an IPv4 peer
    if peer.is_loopback:
        return "loopback"
    return "public" if peer.is_global else "private"
