"""Ways to damage KEKs and bindings; each returns what a sweep has to find."""

from dataclasses import replace

from backup.damage import BOUND
from sealring.domain.ids import uuid_text
from sealring.domain.kek import KekRecord
from sealring.store.binding_uses import STATE
from sealring.store.schema.keyspace import Kind
from support.make import BETA


def lost_kek(it):
    it.call(b"DEL", it.place(Kind.KEK, it.kek_id))
    return [stray_scope(it), *without_kek(it)]


def altered_kek(it):
    it.flip(it.place(Kind.KEK, it.kek_id))
    return [f"KEK {uuid_text(it.kek_id)}: its record was altered", stray_scope(it), *without_kek(it)]


def kek_of_another_version(it):
    rewritten(it, it.kek_id, replace(it.kek, version=2))
    return without_kek(it)


def kek_of_another_organization(it):
    theirs = it.opened.store.keks.get(it.theirs.environment, BETA, it.theirs.current.key_id)
    rewritten(it, it.kek_id, replace(it.kek, scope=theirs.scope))
    return [stray_scope(it), *without_kek(it)]


def lost_scope(it):
    it.call(b"DEL", it.scope)
    return [f"KEK {uuid_text(it.kek_id)}: its scope points to no KEK; the next use will create another one"]


def scope_of_another(it):
    it.call(b"SET", it.place(Kind.KEK_SCOPE, bytes(16)), it.kek_id)
    return [stray_scope(it)]


def altered_counts(it):
    it.call(b"HSET", it.place(Kind.KEK_USES, it.kek_id), b"w1", b"noise")
    return [f"KEK {uuid_text(it.kek_id)}: its counts were altered"]


def lowered_counts(it):
    it.call(b"HSET", it.place(Kind.KEK_USES, it.kek_id), b"w1", b"-5")
    return [f"KEK {uuid_text(it.kek_id)}: its counts were altered"]


def counts_of_something_else(it):
    it.call(b"HSET", it.place(Kind.KEK_USES, it.kek_id), b"x1", b"1")
    return [f"KEK {uuid_text(it.kek_id)}: its counts were altered"]


def counts_of_another_type(it):
    it.call(b"SET", it.place(Kind.KEK_USES, it.kek_id), b"x")
    return [f"KEK {uuid_text(it.kek_id)}: its counts were altered"]


def altered_binding(it):
    it.call(b"HSET", it.bindings, it.binding.id, b"noise")
    return [f"binding {uuid_text(it.binding.id)}: its record was altered"]


def lost_binding(it):
    it.call(b"HDEL", it.bindings, it.binding.id)
    return [
        f"KEK {uuid_text(it.binding.id)}: its binding is missing",
        f"binding {uuid_text(it.binding.id)}: its owner is listed, but the binding does not exist",
        f"partition {it.mine.id.partition}: the bindings of an organization do not match the MAC over all of them",
    ]


def lost_seal(it):
    it.call(b"HDEL", it.bindings, b"")
    return [f"partition {it.mine.id.partition}: the bindings of an organization do not match the MAC over all of them"]


def binding_of_another_organization(it):
    it.call(b"RENAME", it.bindings, it.keyspace.bindings(it.binding.environment, BETA))
    return [
        f"KEK {uuid_text(it.binding.id)}: its binding is missing",
        f"binding {uuid_text(it.binding.id)}: it belongs to another organization",
        f"partition {it.mine.id.partition}: the bindings of an organization do not match the MAC over all of them",
    ]


def bindings_of_nobody(it):
    it.call(b"HSET", it.place(Kind.BINDINGS, b"nobody"), b"x", b"y")
    return [f"partition {it.mine.id.partition}: bindings of another type, or without an owner"]


def bindings_of_another_type(it):
    it.call(b"SET", it.bindings, b"x")
    return [
        f"KEK {uuid_text(it.binding.id)}: its binding is missing",
        f"binding {uuid_text(it.binding.id)}: its owner is listed, but the binding does not exist",
        f"partition {it.mine.id.partition}: bindings of another type, or without an owner",
    ]


def lost_owner(it):
    it.call(b"DEL", it.owners)
    return [f"binding {uuid_text(it.binding.id)}: its owner is not listed, or another one is"]


def owner_of_nothing(it):
    it.call(b"HSET", it.owners, bytes(16), f"{it.binding.environment} {BOUND}")
    return [f"binding {uuid_text(bytes(16))}: its owner is listed, but the binding does not exist"]


def owners_of_another_type(it):
    it.call(b"SET", it.owners, b"x")
    return [
        f"binding {uuid_text(it.binding.id)}: its owner is not listed, or another one is",
        f"partition {it.mine.id.partition}: the owners of bindings are of another type",
    ]


def lost_bound_kek(it):
    it.call(b"DEL", it.place(Kind.KEK, it.binding.id))
    return [f"binding {uuid_text(it.binding.id)}: its KEK is missing, or another one"]


def bound_kek_of_another_key(it):
    rewritten(it, it.binding.id, replace(it.binding.kek, provider_key_id="key_other"))
    return [f"binding {uuid_text(it.binding.id)}: its KEK is missing, or another one"]


def rewritten(it, kek_id, kek):
    """Writes the record anew, with a MAC that is right."""
    it.call(b"SET", it.place(Kind.KEK, kek_id), it.opened.parts.records.encode_kek(KekRecord((kek,))))


def stray_scope(it):
    return f"partition {it.mine.id.partition}: a scope points to no KEK, or to another scope's"


def altered_counts_of_a_binding(it):
    it.call(b"HSET", it.place(Kind.KEK_USES, it.binding.id), b"v1", b"-5")
    return [f"KEK {uuid_text(it.binding.id)}: its counts were altered"]


def counts_of_a_binding_of_something_else(it):
    it.call(b"HSET", it.place(Kind.KEK_USES, it.binding.id), b"w1", b"1")
    return [f"KEK {uuid_text(it.binding.id)}: its counts were altered"]


def altered_state_of_a_binding(it):
    key = it.place(Kind.KEK_USES, it.binding.id)
    raw = it.call(b"HGET", key, STATE)
    it.call(b"HSET", key, STATE, raw[:-1] + bytes((raw[-1] ^ 1,)))
    return [f"KEK {uuid_text(it.binding.id)}: its counts were altered"]


def two_last_uses(it):
    for _ in range(2):
        it.call(b"XADD", it.place(Kind.LAST_USE, it.binding.id), b"*", b"u", b"")
    return [f"KEK {uuid_text(it.binding.id)}: its last use was altered"]


def last_use_of_something_else(it):
    it.call(b"XADD", it.place(Kind.LAST_USE, it.binding.id), b"*", b"x", b"")
    return [f"KEK {uuid_text(it.binding.id)}: its last use was altered"]


def last_use_of_another_type(it):
    it.call(b"SET", it.place(Kind.LAST_USE, it.binding.id), b"x")
    return [f"KEK {uuid_text(it.binding.id)}: its last use was altered"]


def without_kek(it):
    """Of four versions of three objects."""
    return [
        f"{each.id}: the KEK of one of its versions is missing, or another one"
        for each in (it.deleted, it.mine, it.mine, it.other)
    ]


KEYS = (
    lost_kek,
    altered_kek,
    kek_of_another_version,
    kek_of_another_organization,
    lost_scope,
    scope_of_another,
    altered_counts,
    lowered_counts,
    counts_of_something_else,
    counts_of_another_type,
    altered_counts_of_a_binding,
    counts_of_a_binding_of_something_else,
    altered_state_of_a_binding,
    two_last_uses,
    last_use_of_something_else,
    last_use_of_another_type,
    altered_binding,
    lost_binding,
    lost_seal,
    binding_of_another_organization,
    bindings_of_nobody,
    bindings_of_another_type,
    lost_owner,
    owner_of_nothing,
    owners_of_another_type,
    lost_bound_kek,
    bound_kek_of_another_key,
)
