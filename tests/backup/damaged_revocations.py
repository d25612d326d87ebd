"""Ways to damage revocations; each returns what a sweep has to find."""

from sealring.store.schema.keyspace import Kind


def altered_revocation(it):
    it.call(b"HSET", it.revocations, max(it.call(b"HKEYS", it.revocations)), b"noise")
    return [f"{it.environment}: its revocations were altered (the MAC of a revocation)"]


def lost_revocation(it):
    it.call(b"HDEL", it.revocations, max(it.call(b"HKEYS", it.revocations)))
    return [f"{it.environment}: its revocations were altered (the revocations are not all of them)"]


def lost_seal_of_revocations(it):
    it.call(b"HDEL", it.revocations, b"")
    return [f"{it.environment}: its revocations were altered (the revocations are not all of them)"]


def lost_revocations(it):
    it.call(b"DEL", it.revocations)
    return [f"{it.environment}: it has no list of revocations"]


def revocations_of_another_environment(it):
    other = it.environment[:-1] + ("1" if it.environment.endswith("0") else "0")
    it.call(b"RENAME", it.revocations, it.keyspace.revocations(other))
    return [
        f"{it.environment}: it has no list of revocations",
        f"{other}: its revocations were altered (the MAC of a revocation)",
    ]


def revocations_of_nobody(it):
    it.call(b"HSET", it.place(Kind.REVOCATIONS, b"nobody"), b"x", b"y")
    return [f"partition {it.mine.id.partition}: revocations of another type, or without an environment"]


def revocations_of_another_type(it):
    it.call(b"SET", it.revocations, b"x")
    return [f"partition {it.mine.id.partition}: revocations of another type, or without an environment"]


REVOCATIONS = (
    altered_revocation,
    lost_revocation,
    lost_seal_of_revocations,
    lost_revocations,
    revocations_of_another_environment,
    revocations_of_nobody,
    revocations_of_another_type,
)
