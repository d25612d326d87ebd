"""The sweep finds each kind of damage, and none in a store that is whole."""

from dataclasses import replace

import pytest

from backup.kit import updated
from backup.test_moment import Writers
from sealring.domain.ids import ObjectId, uuid_text
from sealring.store.keyspace import Kind, parse_key
from sealring.store.pointer_sweep import PointerSweep
from support.make import ACME, BETA, caller, context


@pytest.fixture
def partitions():
    """One, so that all objects are in it."""
    return 1


ME, THEM = caller(ACME), caller(BETA)
BOUND = "org_bound"
NAME, VALUE = "the name of it", "the value of it"


class Damage:
    """A whole object with an older version, a deleted one, one of another organization; and ways to damage them."""

    def __init__(self, installed, opened):
        self.opened = opened
        self.keyspace = opened.parts.keyspace
        use = opened.use
        self.mine = updated(use, ME, use.objects.create(ME, name=NAME, value=VALUE, context=context()), VALUE + "!")
        self.other = use.objects.create(ME, name="other", value="v", context=context())
        doomed = use.objects.create(ME, name="doomed", value="v", context=context())
        self.deleted = use.objects.delete(ME, str(doomed.id), version_check=None)
        self.theirs = use.objects.create(THEM, name=NAME, value="v", context=context(organization_id=BETA))
        self.kek_id = self.mine.current.key_id
        self.binding = installed.bind(use, BOUND, "key_theirs")

    def call(self, *command):
        return self.opened.links.call(command)[0]

    def place(self, kind, rest):
        return self.keyspace.key(self.mine.id.partition, kind, rest)

    @property
    def key(self):
        return self.keyspace.object(self.mine.id)

    @property
    def name(self):
        return self.keyspace.name(self.mine.environment, ACME, NAME)

    @property
    def index(self):
        return self.keyspace.org_index(self.mine.environment, ACME)

    @property
    def everywhere(self):
        return self.keyspace.environment_index(self.mine.environment, self.mine.id.partition)

    @property
    def tombstones(self):
        return self.keyspace.tombstones(self.mine.id.partition)

    @property
    def bindings(self):
        return self.keyspace.bindings(self.binding.environment, BOUND)

    @property
    def owners(self):
        return self.keyspace.binding_owners(self.mine.id.partition)

    @property
    def scope(self):
        return self.keyspace.kek_scope_in(self.mine.id.partition, self.kek.scope)

    @property
    def kek(self):
        return self.opened.store.keks.get(self.mine.environment, ACME, self.kek_id)

    def member(self, index):
        return next(each for each in self.call(b"ZRANGE", index, 0, -1) if each[:16] == self.mine.id.raw)

    def flip(self, key):
        raw = self.call(b"GET", key)
        self.call(b"SET", key, raw[:-1] + bytes((raw[-1] ^ 1,)))

    def rewrite(self, **changes):
        """Write the record anew, with a MAC that is right."""
        envelope = replace(self.mine.current.envelope, **changes)
        record = replace(self.mine, current=replace(self.mine.current, envelope=envelope))
        self.call(b"SET", self.key, self.opened.parts.records.encode_object(record))


@pytest.fixture
def damage(installed, opened):
    return Damage(installed, opened)


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
        f"{it.mine.id}: a name that is not its own leads to it",
        f"{it.mine.id}: an index lists it as it is not",
        f"{it.mine.id}: an index lists it as it is not",
        f"{it.mine.id}: it has older versions, and is not there itself",
    ]


def earlier_record(it):
    """What was put back to before an update."""
    (raw,) = it.opened.links.call((b"GET", it.key))
    updated(it.opened.use, ME, it.mine, "third")
    it.call(b"SET", it.key, raw)
    return [
        f"{it.mine.id}: an index lists it as it is not",
        f"{it.mine.id}: an index lists it as it is not",
        f"{it.mine.id}: its older versions have a gap",
        f"{it.mine.id}: the index of its environment lacks it",
        f"{it.mine.id}: the index of its organization lacks it",
    ]


def lost_name(it):
    it.call(b"DEL", it.name)
    return [f"{it.mine.id}: its name does not lead to it"]


def name_of_another(it):
    it.call(b"SET", it.name, it.other.id.raw)
    return [
        f"{it.mine.id}: its name does not lead to it",
        f"{it.other.id}: a name that is not its own leads to it",
    ]


def stray_name(it):
    it.call(b"SET", it.place(Kind.NAME, bytes(16)), it.mine.id.raw)
    return [f"{it.mine.id}: a name that is not its own leads to it"]


def name_of_a_deleted(it):
    it.call(b"SET", it.keyspace.name(it.deleted.environment, ACME, "doomed"), it.deleted.id.raw)
    return [f"{it.deleted.id}: a name that is not its own leads to it"]


def name_of_nothing(it):
    it.call(b"SET", it.place(Kind.NAME, bytes(16)), b"nothing")
    return [f"partition {it.mine.id.partition}: a name leads to no object"]


def name_of_another_type(it):
    it.call(b"DEL", it.name)
    it.call(b"RPUSH", it.name, b"x")
    return [
        f"partition {it.mine.id.partition}: a name leads to no object",
        f"{it.mine.id}: its name does not lead to it",
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
        f"{it.mine.id}: its entry in an index was altered",
        f"{it.mine.id}: the index of its organization lacks it",
    ]


def altered_member(it):
    it.call(b"ZADD", it.index, 1, it.mine.id.raw + b"noise")
    return [f"{it.mine.id}: its entry in an index was altered"]


def member_of_a_deleted(it):
    for key, *words in it.opened.parts.index.add(replace(it.deleted, updated_at=it.deleted.updated_at - 1)):
        it.call(key, *words)
    return [f"{it.deleted.id}: an index lists it as it is not"] * 2


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
        it.call(b"ZADD", it.place(kind, rest), 1, b"x")
    return [f"partition {it.mine.id.partition}: an index of nobody"] * 2


def not_in_the_directory(it):
    it.call(b"HDEL", it.keyspace.directory(it.mine.environment, NAME), ACME)
    return [f"{it.mine.id}: the directory of names lacks its organization"]


def lost_version(it):
    it.call(b"DEL", it.keyspace.versions(it.mine.id))
    return [f"{it.mine.id}: its older versions and their summaries are not the same"]


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
        f"{it.mine.id}: its older versions and their summaries are not the same",
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
    return [f"{it.deleted.id}: it is not among the deleted, or at another time"]


def tombstone_at_another_time(it):
    it.call(b"ZINCRBY", it.tombstones, 1, it.deleted.id.raw)
    return [f"{it.deleted.id}: it is not among the deleted, or at another time"]


def tombstone_of_a_live_one(it):
    it.call(b"ZADD", it.tombstones, 1, it.mine.id.raw)
    return [f"{it.mine.id}: it is listed among the deleted, and is not one of them"]


def tombstone_of_nothing(it):
    nothing = ObjectId.new(it.mine.id.partition)
    it.call(b"ZADD", it.tombstones, it.deleted.purge_at, nothing.raw)
    return [f"{nothing}: it is listed among the deleted, and is not one of them"]


def tombstones_of_another_type(it):
    it.call(b"SET", it.tombstones, b"x")
    return [
        f"partition {it.mine.id.partition}: the list of deleted objects is of another type",
        f"{it.deleted.id}: it is not among the deleted, or at another time",
    ]


def audit_log_of_another_type(it):
    log = it.keyspace.audit(it.mine.id.partition)
    it.call(b"DEL", log)
    it.call(b"SET", log, b"x")
    return [f"partition {it.mine.id.partition}: the audit log is of another type"]


def lost_kek(it):
    it.call(b"DEL", it.place(Kind.KEK, it.kek_id))
    return [stray_scope(it), *without_kek(it)]


def altered_kek(it):
    it.flip(it.place(Kind.KEK, it.kek_id))
    return [f"KEK {uuid_text(it.kek_id)}: its record was altered", stray_scope(it), *without_kek(it)]


def kek_of_another_version(it):
    it.call(b"SET", it.place(Kind.KEK, it.kek_id), it.opened.parts.records.encode_kek(replace(it.kek, version=2)))
    return without_kek(it)


def kek_of_another_organization(it):
    theirs = it.opened.store.keks.get(it.theirs.environment, BETA, it.theirs.current.key_id)
    moved = replace(it.kek, scope=theirs.scope)
    it.call(b"SET", it.place(Kind.KEK, it.kek_id), it.opened.parts.records.encode_kek(moved))
    return [stray_scope(it), *without_kek(it)]


def lost_scope(it):
    it.call(b"DEL", it.scope)
    return [f"KEK {uuid_text(it.kek_id)}: its scope leads to no KEK, and the next use will make another one"]


def scope_of_another(it):
    it.call(b"SET", it.place(Kind.KEK_SCOPE, bytes(16)), it.kek_id)
    return [stray_scope(it)]


def altered_binding(it):
    it.call(b"HSET", it.bindings, it.binding.id, b"noise")
    return [f"binding {uuid_text(it.binding.id)}: its record was altered"]


def lost_binding(it):
    it.call(b"HDEL", it.bindings, it.binding.id)
    return [
        f"KEK {uuid_text(it.binding.id)}: its binding is not there",
        f"binding {uuid_text(it.binding.id)}: its owner is known, and it is not there",
        f"partition {it.mine.id.partition}: the bindings of an organization are not all of them",
    ]


def lost_seal(it):
    it.call(b"HDEL", it.bindings, b"")
    return [f"partition {it.mine.id.partition}: the bindings of an organization are not all of them"]


def binding_of_another_organization(it):
    it.call(b"RENAME", it.bindings, it.keyspace.bindings(it.binding.environment, BETA))
    return [
        f"KEK {uuid_text(it.binding.id)}: its binding is not there",
        f"binding {uuid_text(it.binding.id)}: it is another organization's",
        f"partition {it.mine.id.partition}: the bindings of an organization are not all of them",
    ]


def bindings_of_nobody(it):
    it.call(b"HSET", it.place(Kind.BINDINGS, b"nobody"), b"x", b"y")
    return [f"partition {it.mine.id.partition}: bindings of another type, or of nobody"]


def bindings_of_another_type(it):
    it.call(b"SET", it.bindings, b"x")
    return [
        f"KEK {uuid_text(it.binding.id)}: its binding is not there",
        f"binding {uuid_text(it.binding.id)}: its owner is known, and it is not there",
        f"partition {it.mine.id.partition}: bindings of another type, or of nobody",
    ]


def lost_owner(it):
    it.call(b"DEL", it.owners)
    return [f"binding {uuid_text(it.binding.id)}: its owner is not known, or another one"]


def owner_of_nothing(it):
    it.call(b"HSET", it.owners, bytes(16), f"{it.binding.environment} {BOUND}")
    return [f"binding {uuid_text(bytes(16))}: its owner is known, and it is not there"]


def owners_of_another_type(it):
    it.call(b"SET", it.owners, b"x")
    return [
        f"binding {uuid_text(it.binding.id)}: its owner is not known, or another one",
        f"partition {it.mine.id.partition}: the owners of bindings are of another type",
    ]


def lost_bound_kek(it):
    it.call(b"DEL", it.place(Kind.KEK, it.binding.id))
    return [f"binding {uuid_text(it.binding.id)}: its KEK is missing, or another one"]


def bound_kek_of_another_key(it):
    other = replace(it.binding.kek, provider_key_id="key_other")
    it.call(b"SET", it.place(Kind.KEK, it.binding.id), it.opened.parts.records.encode_kek(other))
    return [f"binding {uuid_text(it.binding.id)}: its KEK is missing, or another one"]


def stray_scope(it):
    return f"partition {it.mine.id.partition}: a scope leads to no KEK, or to another scope's"


def without_kek(it):
    """Of four versions of three objects."""
    return [
        f"{each.id}: the KEK of one of its versions is missing, or another one"
        for each in (it.deleted, it.mine, it.mine, it.other)
    ]


DAMAGES = (
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
    audit_log_of_another_type,
    lost_kek,
    altered_kek,
    kek_of_another_version,
    kek_of_another_organization,
    lost_scope,
    scope_of_another,
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


@pytest.mark.parametrize("harm", DAMAGES)
def test_damage_is_found_and_nothing_else(installed, damage, harm):
    expected = harm(damage)

    assert installed.verify() == sorted(expected)


@pytest.mark.parametrize("unwrap", [False, True])
def test_a_store_that_is_whole_has_no_findings(installed, damage, unwrap):
    assert installed.verify(unwrap=unwrap) == []


def test_a_value_that_does_not_open_is_found_by_opening_it(installed, damage):
    sealed = damage.mine.current.envelope.ciphertext
    damage.rewrite(ciphertext=sealed[:-1] + bytes((sealed[-1] ^ 1,)))

    assert installed.verify() == []
    assert installed.verify(unwrap=True) == [f"{damage.mine.id}: one of its versions does not open (IntegrityFailure)"]


def test_a_key_that_cannot_be_used_is_found_by_using_it(installed, damage):
    """Its material was altered, under a MAC that is right."""
    broken = replace(damage.kek, material=bytes(60))
    damage.call(b"SET", damage.place(Kind.KEK, damage.kek_id), damage.opened.parts.records.encode_kek(broken))

    assert installed.verify() == []
    assert len(installed.verify(unwrap=True)) == 4


def test_findings_quote_no_name_value_or_organization(installed, damage):
    found = []
    for harm in (altered_record, name_of_another, not_in_its_organization, altered_version, lost_kek):
        harm(damage)
        found += installed.verify(unwrap=True)

    said = "\n".join(found)
    assert [text for text in (NAME, VALUE, ACME, BETA) if text in said] == []
    assert len(found) > 5


def test_what_was_written_after_the_objects_were_looked_at_is_looked_at_again(damage):
    """A sweep that saw all that leads to objects, and none of them."""
    with damage.opened.links.borrow(damage.key) as link:
        sweep = PointerSweep(link, damage.opened.parts, 0)
        for kind, rest in map(parse_key, link.scan(b"s1:{0}:*")):
            if kind is Kind.NAME:
                sweep.add_names([rest])
            elif kind in {Kind.VERSIONS, Kind.SUMMARIES}:
                sweep.add_histories([rest])
            elif kind in {Kind.ORG_INDEX, Kind.ENVIRONMENT_INDEX}:
                sweep.add_indexes(kind, [rest])

        assert list(sweep.findings()) == []


def test_a_store_that_is_being_written_has_no_findings(installed, opened):
    orgs = ["org_1", "org_2"]
    for org in orgs:
        for name in ("first", "second"):
            opened.use.objects.create(caller(org), name=name, value="0", context=context(organization_id=org))

    with Writers(installed, orgs) as writers:
        found = [finding for _ in range(20) for finding in installed.verify(unwrap=True)]

    assert writers.failures == []
    assert found == []
