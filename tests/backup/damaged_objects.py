"""Ways to damage objects and what leads to them; each returns what a sweep has to find."""

from dataclasses import replace

from backup.damage import ME, NAME
from backup.kit import updated
from sealring.domain.ids import ObjectId
from sealring.store.schema.keyspace import Kind
from sealring.store.schema.short_forms import encode_org
from support.make import ACME


def altered_record(it):
    it.flip(it.key)
    return [f"{it.mine.id}: its record was altered"]


def record_of_another(it):
    it.call(b"COPY", it.keyspace.object(it.other.id), it.key, b"REPLACE")
    return [f"{it.mine.id}: its record was altered"]


def record_of_another_type(it):
    it.call(b"DEL", it.key)
    it.call(b"RPUSH", it.key, b"x")
    return [f"{it.mine.id}: its record is of another type"]


def lost_record(it):
    it.call(b"DEL", it.key)
    return [
        f"{it.mine.id}: a name that is not its own points to it",
        f"{it.mine.id}: an index lists it in a state that it does not have",
        f"{it.mine.id}: an index lists it in a state that it does not have",
        f"{it.mine.id}: it has older versions, but does not exist itself",
        (
            f"secret_{it.mine.id.home.raw.hex().upper()}… ({it.mine.environment}): counted as 3 objects, 97 bytes and "
            "1 contexts, but there are 2 objects, 34 bytes and 1 contexts"
        ),
    ]


def earlier_record(it):
    """What was put back to before an update."""
    (raw,) = it.opened.links.call((b"GET", it.key))
    updated(it.opened.use, ME, it.mine, "third")
    it.call(b"SET", it.key, raw)
    return [
        f"{it.mine.id}: an index lists it in a state that it does not have",
        f"{it.mine.id}: an index lists it in a state that it does not have",
        f"{it.mine.id}: its older versions have a gap",
        f"{it.mine.id}: the index of its environment lacks it",
        f"{it.mine.id}: the index of its organization lacks it",
    ]


def lost_name(it):
    it.call(b"DEL", it.name)
    return [f"{it.mine.id}: its name does not point to it"]


def name_of_another(it):
    it.call(b"SET", it.name, it.other.id.raw)
    return [
        f"{it.mine.id}: its name does not point to it",
        f"{it.other.id}: a name that is not its own points to it",
    ]


def stray_name(it):
    it.call(b"SET", it.place(Kind.NAME, bytes(16)), it.mine.id.raw)
    return [f"{it.mine.id}: a name that is not its own points to it"]


def name_of_a_deleted(it):
    it.call(b"SET", it.keyspace.name(it.deleted.environment, ACME, "doomed"), it.deleted.id.raw)
    return [f"{it.deleted.id}: a name that is not its own points to it"]


def name_of_nothing(it):
    it.call(b"SET", it.place(Kind.NAME, bytes(16)), b"nothing")
    return [f"partition {it.mine.id.partition}: a name points to no object"]


def name_of_another_type(it):
    it.call(b"DEL", it.name)
    it.call(b"RPUSH", it.name, b"x")
    return [
        f"partition {it.mine.id.partition}: a name points to no object",
        f"{it.mine.id}: its name does not point to it",
    ]


def not_in_its_organization(it):
    it.call(b"ZREM", it.index, it.member(it.index))
    return [f"{it.mine.id}: the index of its organization lacks it"]


def not_in_its_environment(it):
    it.call(b"ZREM", it.everywhere, it.member(it.everywhere))
    return [f"{it.mine.id}: the index of its environment lacks it"]


def at_another_time(it):
    it.call(b"ZINCRBY", it.index, 1, it.member(it.index))
    return [
        f"{it.mine.id}: an index lists it in a state that it does not have",
        f"{it.mine.id}: the index of its organization lacks it",
    ]


def altered_member(it):
    it.call(b"ZADD", it.index, 1, it.mine.id.raw + b"noise")
    return [f"partition {it.mine.id.partition}: an index lists what is no object"]


def index_of_another_organization(it):
    it.call(b"ZADD", it.index, it.theirs.updated_at, it.theirs.id.raw)
    return [f"{it.theirs.id}: an index lists it in a state that it does not have"]


def member_of_a_deleted(it):
    for key, *words in it.opened.parts.index.add(replace(it.deleted, updated_at=it.deleted.updated_at - 1)):
        it.call(key, *words)
    return [f"{it.deleted.id}: an index lists it in a state that it does not have"] * 2


def index_of_another_type(it):
    it.call(b"SET", it.index, b"x")
    return [
        f"partition {it.mine.id.partition}: an index is of another type",
        f"{it.mine.id}: the index of its organization lacks it",
        f"{it.other.id}: the index of its organization lacks it",
    ]


def index_of_nobody(it):
    environment = it.mine.environment.encode()
    for kind, rest in ((Kind.ORG_INDEX, b"nobody"), (Kind.ENVIRONMENT_INDEX, environment + b":" + ACME.encode())):
        it.call(b"ZADD", it.place(kind, rest), it.mine.updated_at, it.mine.id.raw)
    return [f"{it.mine.id}: an index lists it in a state that it does not have"] * 2


def not_in_the_directory(it):
    it.call(b"HDEL", it.keyspace.directory(it.mine.environment, NAME), encode_org(ACME))
    return [f"{it.mine.id}: the directory of names lacks its organization"]


def lost_version(it):
    it.call(b"DEL", it.keyspace.versions(it.mine.id))
    return [f"{it.mine.id}: its older versions and their summaries do not match"]


def altered_version(it):
    key = it.keyspace.versions(it.mine.id)
    version_id, raw = it.call(b"HGETALL", key)
    it.call(b"HSET", key, version_id, raw[:-1] + bytes((raw[-1] ^ 1,)))
    return [f"{it.mine.id}: an older version was altered"]


def versions_of_another_type(it):
    it.call(b"SET", it.keyspace.versions(it.mine.id), b"x")
    return [f"{it.mine.id}: its older versions are of another type"]


def lost_summary(it):
    it.call(b"DEL", it.keyspace.summaries(it.mine.id))
    return [
        f"{it.mine.id}: its older versions and their summaries do not match",
        f"{it.mine.id}: its older versions have a gap",
    ]


def altered_summary(it):
    it.call(b"LSET", it.keyspace.summaries(it.mine.id), 0, b"noise")
    return [f"{it.mine.id}: a summary of its older versions was altered"]


def summary_of_another_size(it):
    key = it.keyspace.summaries(it.mine.id)
    records = it.opened.parts.records
    summary = records.decode_summary(it.mine.id, it.call(b"LINDEX", key, 0))
    it.call(b"LSET", key, 0, records.encode_summary(it.mine.id, replace(summary, size=1)))
    return [f"{it.mine.id}: an older version is not the one of its summary"]


def doubled_summary(it):
    key = it.keyspace.summaries(it.mine.id)
    it.call(b"RPUSH", key, it.call(b"LINDEX", key, 0))
    return [f"{it.mine.id}: its older versions have a gap"]


def lost_tombstone(it):
    it.call(b"ZREM", it.tombstones, it.deleted.id.raw)
    return [f"{it.deleted.id}: it is not in the list of deleted objects, or with another time"]


def tombstone_at_another_time(it):
    it.call(b"ZINCRBY", it.tombstones, 1, it.deleted.id.raw)
    return [f"{it.deleted.id}: it is not in the list of deleted objects, or with another time"]


def tombstone_of_a_live_one(it):
    it.call(b"ZADD", it.tombstones, 1, it.mine.id.raw)
    return [f"{it.mine.id}: it is in the list of deleted objects, but is not deleted"]


def tombstone_of_nothing(it):
    nothing = ObjectId.new(it.mine.id.home)
    it.call(b"ZADD", it.tombstones, it.deleted.purge_at, nothing.raw)
    return [f"{nothing}: it is in the list of deleted objects, but is not deleted"]


def tombstones_of_another_type(it):
    it.call(b"SET", it.tombstones, b"x")
    return [
        f"partition {it.mine.id.partition}: the list of deleted objects is of another type",
        f"{it.deleted.id}: it is not in the list of deleted objects, or with another time",
    ]


def altered_event(it):
    log = it.keyspace.audit(it.mine.id.partition)
    (event_id, (field, body)), *_ = it.call(b"XRANGE", log, b"-", b"+")
    later = it.call(b"XADD", log, b"*", field, body[:-1] + bytes((body[-1] ^ 1,)))
    it.call(b"XDEL", log, event_id)
    return [f"partition {it.mine.id.partition}: the audit entry {later.decode()} was altered"]


def event_of_somebody_else(it):
    log = it.keyspace.audit(it.mine.id.partition)
    event_ids = [it.call(b"XADD", log, b"*", *fields) for fields in ((b"e", b"noise"), (b"action", b"x"), (b"e", b""))]
    return [f"partition {it.mine.id.partition}: the audit entry {each.decode()} was altered" for each in event_ids]


def event_with_a_field_more(it):
    log = it.keyspace.audit(it.mine.id.partition)
    (_, (field, body)), *_ = it.call(b"XRANGE", log, b"-", b"+")
    event_id = it.call(b"XADD", log, b"*", field, body, b"f", b"")
    return [f"partition {it.mine.id.partition}: the audit entry {event_id.decode()} was altered"]


def audit_log_of_another_type(it):
    log = it.keyspace.audit(it.mine.id.partition)
    it.call(b"DEL", log)
    it.call(b"SET", log, b"x")
    return [f"partition {it.mine.id.partition}: the audit log is of another type"]


OBJECTS = (
    altered_record,
    record_of_another,
    record_of_another_type,
    lost_record,
    earlier_record,
    lost_name,
    name_of_another,
    stray_name,
    name_of_a_deleted,
    name_of_nothing,
    name_of_another_type,
    not_in_its_organization,
    not_in_its_environment,
    at_another_time,
    altered_member,
    index_of_another_organization,
    member_of_a_deleted,
    index_of_another_type,
    index_of_nobody,
    not_in_the_directory,
    lost_version,
    altered_version,
    versions_of_another_type,
    lost_summary,
    altered_summary,
    summary_of_another_size,
    doubled_summary,
    lost_tombstone,
    tombstone_at_another_time,
    tombstone_of_a_live_one,
    tombstone_of_nothing,
    tombstones_of_another_type,
    altered_event,
    event_of_somebody_else,
    event_with_a_field_more,
    audit_log_of_another_type,
)
