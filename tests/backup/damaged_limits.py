"""Ways to damage limits that were set, and counts; each returns what a sweep has to find."""

from sealring.domain.limits import Override
from sealring.server import wiring
from sealring.store.schema.keyspace import Kind
from support.limits import set_limits
from support.make import ACME, BETA


def _set(it):
    limits = wiring.Stores.on(it.opened.parts).limits
    for org in (ACME, BETA):
        set_limits(limits, org, Override(objects=5), it.environment)
    return it.keyspace.limits(it.environment)


def altered_limits(it):
    it.call(b"HSET", _set(it), ACME, b"noise")
    return [f"{it.environment}: the limits of its organizations were altered (the MAC of limits)"]


def lost_limits(it):
    it.call(b"HDEL", _set(it), ACME)
    return [f"{it.environment}: the limits of its organizations were altered (the limits are not all of them)"]


def limits_of_nobody(it):
    it.call(b"HSET", it.place(Kind.LIMITS, b"nobody"), b"x", b"y")
    return [f"partition {it.mine.id.partition}: limits of another type, or without an environment"]


def limits_of_another_type(it):
    it.call(b"SET", it.keyspace.limits(it.environment), b"x")
    return [f"partition {it.mine.id.partition}: limits of another type, or without an environment"]


def usage(it):
    return it.keyspace.usage(it.mine.id.home)


def _field(it, letter):
    return f"{letter}:{it.mine.environment}:{ACME}".encode()


def _found(it, objects=3, stored_bytes=97, contexts=1):
    home = it.mine.id.home.raw.hex().upper()
    counted = f"{objects} objects, {stored_bytes} bytes and {contexts} contexts"
    has = "3 objects, 97 bytes and 1 contexts"
    return [f"secret_{home}\u2026 ({it.mine.environment}): counted as {counted}, but there are {has}"]


def count_of_objects(it):
    it.call(b"HINCRBY", usage(it), _field(it, "o"), -1)
    return _found(it, objects=2)


def count_of_bytes(it):
    it.call(b"HINCRBY", usage(it), _field(it, "b"), 5)
    return _found(it, stored_bytes=102)


def count_of_contexts(it):
    it.call(b"HDEL", usage(it), _field(it, "c"))
    return _found(it, contexts=0)


def lost_counts(it):
    it.call(b"DEL", usage(it))
    return _found(it, objects=0, stored_bytes=0, contexts=0)


def count_that_is_none(it):
    it.call(b"HSET", usage(it), _field(it, "o"), b"many")
    return [f"partition {it.mine.id.partition}: the counts of what organizations store were altered"]


def count_of_nobody(it):
    it.call(b"HSET", usage(it), b"o:nobody", 1)
    return [f"partition {it.mine.id.partition}: the counts of what organizations store were altered"]


def count_of_another_home(it):
    it.call(b"HSET", usage(it), f"o:{it.mine.environment}:org_elsewhere", 1)
    return [f"partition {it.mine.id.partition}: the counts of what organizations store were altered"]


def usage_of_another_type(it):
    it.call(b"DEL", usage(it))
    it.call(b"SET", usage(it), b"x")
    return [f"partition {it.mine.id.partition}: the counts of what organizations store were altered"]


LIMITS = (
    altered_limits,
    lost_limits,
    limits_of_nobody,
    limits_of_another_type,
    count_of_objects,
    count_of_bytes,
    count_of_contexts,
    lost_counts,
    count_that_is_none,
    count_of_nobody,
    count_of_another_home,
    usage_of_another_type,
)
