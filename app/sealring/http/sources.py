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
    if peer.is_loopback:
        return "loopback"
    return "public" if peer.is_global else "private"
