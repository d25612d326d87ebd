"""Limits that an operator sets, for tests: a store of them, and the use cases on it."""

from sealring.auth.scoping import operator
from sealring.domain.principal import Caller
from sealring.services.limits import LimitChanges
from sealring.store.audit import RedisAudit
from sealring.store.limits import RedisLimits
from sealring.store.markers import Markers
from sealring.store.schema.keyspace import Keyspace
from support.make import ENVIRONMENT
from support.stores import KEYS, STORE_ID


def limits_on(links, partitions=4, keys=KEYS):
    """A store of limits, on links to an empty store."""
    keyspace = Keyspace(partitions, keys)
    markers = Markers(links, keyspace, keys, STORE_ID)
    markers.begin()
    return limits_beside(links, partitions, keys)


def limits_beside(links, partitions=4, keys=KEYS):
    """Another worker's store of limits, on a store that is there."""
    keyspace = Keyspace(partitions, keys)
    markers = Markers(links, keyspace, keys, STORE_ID)
    return RedisLimits(links, keyspace, markers, keys, RedisAudit(links, keyspace, markers, keys))


def key_of(environment=ENVIRONMENT, partitions=4, keys=KEYS):
    return Keyspace(partitions, keys).limits(environment)


def the_operator(environment=ENVIRONMENT):
    return Caller(operator(environment), "command-line")


def set_limits(store, org, override, environment=ENVIRONMENT):
    return LimitChanges(store).set(the_operator(environment), org, override)
