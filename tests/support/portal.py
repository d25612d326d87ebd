"""The portal, for tests: a store of links and sessions, and the use cases on it."""

from dataclasses import replace

from sealring.domain.portal import Intent
from sealring.services.portal import Portal, WantedLink
from sealring.services.portal_rules import PortalRules
from sealring.store.audit import RedisAudit
from sealring.store.markers import Markers
from sealring.store.portal import RedisPortal
from sealring.store.schema.keyspace import Keyspace
from support.make import ACME, caller
from support.stores import KEYS, STORE_ID

RULES = PortalRules("https://keys.example", return_hosts=frozenset({"app.example"}))


def portal_store_on(links, partitions=4, keys=KEYS):
    """A store of links and sessions, on links to an empty store."""
    Markers(links, Keyspace(partitions, keys), keys, STORE_ID).begin()
    return portal_store_beside(links, partitions, keys)


def portal_store_beside(links, partitions=4, keys=KEYS):
    """Another worker's, on a store that is there."""
    keyspace = Keyspace(partitions, keys)
    markers = Markers(links, keyspace, keys, STORE_ID)
    return RedisPortal(links, keyspace, markers, keys, RedisAudit(links, keyspace, markers, keys))


def token_of(portal: Portal, org=ACME, **urls: str) -> str:
    """The token of a new link."""
    made = portal.generate_link(caller(org), WantedLink(org, Intent.BRING_YOUR_OWN_KEY, **urls))
    return made.partition("?token=")[2]


def alone(links, **rules):
    """A portal with one partition, on links to an empty store."""
    return Portal(portal_store_on(links, partitions=1), replace(RULES, **rules))


def keys_of(links, letter):
    """The keys of its links (p) or of its sessions (f)."""
    return links.call((b"KEYS", b"s1:{0}:" + letter + b":*"))[0]
