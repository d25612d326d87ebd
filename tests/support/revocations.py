"""Revocations for tests: stores of them, and the operator's use cases on these."""

from sealring.auth.scoping import operator
from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import NO_ORG
from sealring.domain.principal import Caller
from sealring.domain.revocation import Reach, Target
from sealring.services.revocations import Revocations, Validity
from sealring.store.audit import RedisAudit
from sealring.store.markers import Markers
from sealring.store.revocations import RedisRevocations
from sealring.store.schema.keyspace import Keyspace
from support.make import ENVIRONMENT
from support.memory import MemoryAudit
from support.memory_revocations import MemoryRevocations
from support.stores import KEYS, STORE_ID

ISSUER = "urn:test"
ORIGIN = Origin(ISSUER, "alice", "request-1")
HOUR = Validity(max_lifetime_s=3_600, leeway_s=10)


def in_memory():
    return MemoryRevocations(MemoryAudit())


def on_links(links, partitions=1, keys=KEYS):
    keyspace = Keyspace(partitions, keys)
    markers = Markers(links, keyspace, keys, STORE_ID)
    markers.begin()
    return RedisRevocations(links, keyspace, markers, keys, RedisAudit(links, keyspace, markers, keys))


def key_of(environment=ENVIRONMENT, partitions=1, keys=KEYS):
    return Keyspace(partitions, keys).revocations(environment)


def the_operator(environment=ENVIRONMENT):
    return Caller(operator(environment), "command-line")


def begin(store, environment=ENVIRONMENT):
    return store.begin(environment, Event(Action.REVOCATIONS_BEGUN, environment, NO_ORG, ORIGIN))


def begun(store, *environments):
    """The store, with an empty list for each of these."""
    for environment in environments or (ENVIRONMENT,):
        assert begin(store, environment)
    return store


def token(token_id, issuer=ISSUER):
    return Target(issuer, Reach.TOKEN, token_id)


def subject(name, issuer=ISSUER):
    return Target(issuer, Reach.SUBJECT, name)


def everything(issuer=ISSUER):
    return Target(issuer, Reach.ISSUER)


def revoke(store, target, before_s=None, *, environment=ENVIRONMENT, validity=HOUR, **clock):
    return Revocations(store, **clock).revoke(the_operator(environment), target, validity, before_s)
