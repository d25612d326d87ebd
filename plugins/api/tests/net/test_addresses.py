"""Which addresses are called: those that the world can reach, judged by IANA's registries and not by their notation."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring_plugin.net.addresses import Reach, reach_of

# iana.org/assignments/iana-ipv4-special-registry, iana-ipv6-special-registry: each row with "Globally Reachable".
# "N/A" is not reachable here; of the rows within others, those that say something else.
REGISTRY = {
    "0.0.0.0/8": False,
    "10.0.0.0/8": False,
    "100.64.0.0/10": False,
    "127.0.0.0/8": False,
    "169.254.0.0/16": False,
    "172.16.0.0/12": False,
    "192.0.0.0/24": False,
    "192.0.2.0/24": False,
    "192.31.196.0/24": True,
    "192.52.193.0/24": True,
    "192.88.99.0/24": False,
    "192.168.0.0/16": False,
    "192.175.48.0/24": True,
    "198.18.0.0/15": False,
    "198.51.100.0/24": False,
    "203.0.113.0/24": False,
    "240.0.0.0/4": False,
    "::1/128": False,
    "::/128": False,
    "64:ff9b:1::/48": False,
    "100::/64": False,
    "100:0:0:1::/64": False,
    "2001::/23": False,
    "2001:2::/48": False,
    "2001:10::/28": False,
    "2001:db8::/32": False,
    "2002::/16": False,
    "2620:4f:8000::/48": True,
    "3fff::/20": False,
    "5f00::/16": False,
    "fc00::/7": False,
    "fe80::/10": False,
}

# Of the RFCs, and not in those registries: IPv4-compatible (4291), translated (2765), site-local (3879), multicast.
ELSEWHERE = ["::/96", "::ffff:0:0:0/96", "fec0::/10", "ff00::/8", "224.0.0.0/4", "4000::/3", "8000::/3", "200::/7"]

METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fe80::a9fe:a9fe",
    "fe80::1%eth0",
]

FORMS = {
    "mapped": lambda number: 0xFFFF << 32 | number,
    "compatible": lambda number: number,
    "translated": lambda number: 0xFFFF << 48 | number,
    "NAT64": lambda number: 0x64FF9B << 96 | number,
    "local NAT64 /96": lambda number: 0x64FF9B0001 << 80 | number,
    "local NAT64 /64": lambda number: 0x64FF9B0001 << 80 | number << 24,
    "local NAT64 /56": lambda number: 0x64FF9B0001 << 80 | number >> 24 << 64 | (number & 0xFFFFFF) << 32,
    "local NAT64 /48": lambda number: 0x64FF9B0001 << 80 | number >> 16 << 64 | (number & 0xFFFF) << 40,
    "6to4": lambda number: 0x2002 << 112 | number << 80 | 1,
    "Teredo client": lambda number: 0x20010000 << 96 | 0x08080808 << 64 | number ^ 0xFFFFFFFF,
    "Teredo server": lambda number: 0x20010000 << 96 | number << 64 | 0x08080808 ^ 0xFFFFFFFF,
    "ISATAP": lambda number: 0x2A00_1450 << 96 | 0x00005EFE << 32 | number,
    "ISATAP of a global interface": lambda number: 0x2A00_1450 << 96 | 0x02005EFE << 32 | number,
}
SEE_THROUGH = {"mapped", "NAT64"}

every_form = pytest.mark.parametrize("form", FORMS)


def within(form, number):
    return str(IPv6Address(FORMS[form](number)))


@pytest.mark.parametrize(("network", "reachable"), REGISTRY.items())
def test_an_address_of_a_registry_is_what_the_registry_says(network, reachable):
    ends = {str(each) for each in (ip_network(network)[0], ip_network(network)[-1])}

    assert {reach_of(each) is Reach.PUBLIC for each in ends} == {reachable}


@pytest.mark.parametrize("network", ELSEWHERE)
def test_an_address_that_no_registry_gives_to_the_world_is_not_public(network):
    ends = {str(each) for each in (ip_network(network)[1], ip_network(network)[-1])}

    assert Reach.PUBLIC not in {reach_of(each) for each in ends}


@pytest.mark.parametrize("address", ["8.8.8.8", "52.94.5.1", "2a00:1450:4001:830::200e", "2600:1f18::1"])
def test_an_address_of_the_world_is_public(address):
    assert reach_of(address) is Reach.PUBLIC


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "172.20.0.1", "100.64.0.1", "::1", "fd12:3456::1"])
def test_an_address_of_ones_own_network_is_private(address):
    assert reach_of(address) is Reach.PRIVATE


@pytest.mark.parametrize("address", [*METADATA, "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"])
def test_metadata_and_what_is_no_host_is_never_called(address):
    assert reach_of(address) is Reach.NEVER


@every_form
@pytest.mark.parametrize("address", [each for each in METADATA if ":" not in each])
def test_metadata_is_never_called_in_whatever_form(form, address):
    assert reach_of(within(form, int(IPv4Address(address)))) is Reach.NEVER


@every_form
@given(number=st.integers(0, 2**32 - 1))
def test_an_embedded_address_is_judged_like_itself(form, number):
    itself, embedded = reach_of(str(IPv4Address(number))), reach_of(within(form, number))

    if form in SEE_THROUGH:
        assert embedded is itself
    else:
        assert embedded in {itself, Reach.PRIVATE, Reach.NEVER}


@pytest.mark.parametrize("form", ["mapped", "NAT64", "ISATAP", "ISATAP of a global interface"])
def test_an_embedded_address_of_the_world_can_be_called(form):
    assert reach_of(within(form, int(IPv4Address("52.94.5.1")))) is Reach.PUBLIC


@every_form
def test_an_embedded_address_of_the_world_is_not_metadata(form):
    assert reach_of(within(form, int(IPv4Address("52.94.5.1")))) is not Reach.NEVER


@given(number=st.integers(0, 2**32 - 1))
def test_what_is_public_of_ipv4_is_so_to_python(number):
    address = IPv4Address(number)

    public = reach_of(str(address)) is Reach.PUBLIC

    assert not public or (address.is_global and not address.is_multicast and not address.is_reserved)
    assert public or not address.is_global or address.is_multicast or in_registry(address)


@given(st.integers(0, 2**128 - 1) | st.integers(2**125, 2**126 - 1))
def test_what_is_public_of_ipv6_is_so_to_python(number):
    address = IPv6Address(number)

    public = reach_of(str(address)) is Reach.PUBLIC

    assert not public or (address.is_global and not address.is_reserved and number >> 125 == 1)
    assert (
        public or number >> 125 != 1 or not address.is_global or in_registry(address) or number >> 32 & 0xFFFF == 0x5EFE
    )


def in_registry(address):
    networks = [ip_network(each) for each, reachable in REGISTRY.items() if not reachable]
    named = {"168.63.129.16", "100.100.100.200"}
    return str(address) in named or any(address in each for each in networks if each.version == address.version)


def test_what_is_no_address_is_none():
    with pytest.raises(ValueError):
        reach_of("kms.example.test")
