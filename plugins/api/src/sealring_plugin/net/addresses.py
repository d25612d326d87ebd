"""Whom an IP address reaches: the world, a network of one's own, or what must never be called.

Python's `ipaddress` follows IANA's registries of special-purpose addresses, and lags: 3.12.1 takes 6to4 for global,
3.13.0 takes `3fff::/20`. An address that has an IPv4 address in it, for a tunnel or a translator, is judged by that one
too.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# Where clouds answer without asking who calls: AWS (link-local too), Google, Oracle, Akamai, Scaleway; Azure, Alibaba.
_METADATA_6 = tuple(
    map(IPv6Network, ("fd00:ec2::/32", "fd20:ce::/32", "fd00:c1::/32", "fd00:a9fe:a9fe::/48", "fd00:42::/32"))
)
_METADATA_4 = tuple(map(IPv4Network, ("168.63.129.16/32", "100.100.100.200/32")))
_BROADCAST = IPv4Address("255.255.255.255")

# IANA, "Internet Protocol Version 6 Address Space": of the rest, nothing is the world's.
_GLOBAL_UNICAST = IPv6Network("2000::/3")

# Not "Globally Reachable" in iana-ipv4-special-registry and iana-ipv6-special-registry, though `ipaddress` of a Python
# that we run on says so. Of 2001::/23 some blocks are reachable: relays and anycast, never a host of a cloud.
_NOT_REACHABLE_4 = tuple(map(IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")))  # RFC 6890, RFC 7526
_NOT_REACHABLE_6 = tuple(map(IPv6Network, ("2001::/23", "2002::/16", "3fff::/20")))  # RFC 2928, RFC 3056, RFC 9637

_MAPPED = 0xFFFF  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
_NAT64 = 0x64FF9B << 64  # 64:ff9b::/96, RFC 6052 section 2.1: how IPv6-only networks reach all of IPv4
_COMPATIBLE = 0x0  # ::/96, RFC 4291 section 2.5.5.1
_TRANSLATED = 0xFFFF << 16  # ::ffff:0:0:0/96, RFC 2765 section 2.1
_LOCAL_NAT64 = 0x64FF9B0001  # 64:ff9b:1::/48, RFC 8215
_ISATAP = 0x00005EFE  # RFC 5214 section 6.1; the bit for a global interface may be set
_GLOBAL_INTERFACE = 0x02000000


class Reach(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    NEVER = "never"  # metadata, or no host at all


def reach_of(text: str) -> Reach:
    """Raises ValueError for what is no address. A zone (`%eth0`) does not count."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return _reach_4(address)
    return _reach_6(address)


def _reach_4(address: IPv4Address) -> Reach:
    if address.is_link_local or _is_no_host(address) or any(address in each for each in _METADATA_4):
        return Reach.NEVER
    if address.is_global and not any(address in each for each in _NOT_REACHABLE_4):
        return Reach.PUBLIC
    return Reach.PRIVATE


def _reach_6(address: IPv6Address) -> Reach:
    within = {_reach_4(each) for each in _embedded(address)}
    if int(address) >> 32 in {_MAPPED, _NAT64}:
        return within.pop()
    if address.is_link_local or _is_no_host(address) or any(address in each for each in _METADATA_6):
        return Reach.NEVER
    if Reach.NEVER in within:
        return Reach.NEVER
    return Reach.PUBLIC if _is_the_worlds(address) and within <= {Reach.PUBLIC} else Reach.PRIVATE


def _is_no_host(address: IPv4Address | IPv6Address) -> bool:
    return address.is_multicast or address.is_unspecified or address == _BROADCAST


def _is_the_worlds(address: IPv6Address) -> bool:
    listed = any(address in each for each in _NOT_REACHABLE_6)
    return address in _GLOBAL_UNICAST and address.is_global and not listed


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    """Give each IPv4 address that some tunnel or translator would read in it."""
    bits = int(address)
    if bits >> 32 in {_MAPPED, _NAT64, _COMPATIBLE, _TRANSLATED}:
        yield _last_32(bits)
    if bits >> 80 == _LOCAL_NAT64:
        yield from _by_prefix_length(bits)
    if bits >> 32 & 0xFFFFFFFF & ~_GLOBAL_INTERFACE == _ISATAP:
        yield _last_32(bits)
    if address.sixtofour is not None:
        yield address.sixtofour
    yield from address.teredo or ()


def _by_prefix_length(bits: int) -> Iterator[IPv4Address]:
    """RFC 6052 section 2.2: for prefixes of 48, 56, 64 and 96 bits. Bits 64 to 71 are left out; zeros are unused."""
    high, low = bits >> 64, bits & (1 << 56) - 1
    read = ((high & 0xFFFF) << 16 | low >> 40, (high & 0xFF) << 24 | low >> 32, low >> 24, bits)
    yield from (_last_32(each) for each in read if each & 0xFFFFFFFF)


def _last_32(bits: int) -> IPv4Address:
    return IPv4Address(bits & 0xFFFFFFFF)
