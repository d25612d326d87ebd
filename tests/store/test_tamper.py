"""What somebody who can write to the store cannot do: every change of a stored record is refused."""

from dataclasses import replace

import pytest

from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import uuid_text
from sealring.errors import IntegrityFailure, NotFound
from sealring.services.listing import ListOptions
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.records import Records
from sealring_local.wrap import LocalProvider
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, on_provider, services
from support.roots import roots_of
from support.stores import KEYS, on_links
from support.tampering import every_bit_of, refused, some_bits_of

ME, THEM = caller(ACME), caller(BETA)
RECORDS = Records(KEYS, Keyspace(4, KEYS).home)


@pytest.fixture
def store(links):
    return on_links(links, partitions=1)


@pytest.fixture
def use(store):
    return services(store)


@pytest.fixture
def record(use):
    """An object of ACME with an older version."""
    made = use.objects.create(ME, name="mine", value="one", context=context())
    return use.objects.update(ME, str(made.id), value="two", version_check=None, contexts=())


def key(kind, record):
    return b"s1:{0}:" + kind + b":" + record.id.raw


# Each bit is flipped before what decodes the record, and some of them in the store, which shows that it is what the use
# cases read by.


def test_each_bit_of_an_object_record_counts(links, use, record):
    (raw,) = links.call((b"GET", key(b"o", record)))

    assert RECORDS.decode_object(record.id, raw) == record
    assert all(refused(lambda raw=flipped: RECORDS.decode_object(record.id, raw)) for flipped in every_bit_of(raw))
    for flipped in some_bits_of(raw):
        links.call((b"SET", key(b"o", record), flipped))
        assert refused(lambda: use.objects.read(ME, str(record.id)))
        assert refused(lambda: use.objects.describe(ME, str(record.id)))
    assert len(raw) > 250


def test_each_bit_of_an_old_version_counts(links, use, record):
    ((version_id, raw),) = [links.call((b"HGETALL", key(b"v", record)))[0]]

    def decode(raw):
        return RECORDS.decode_version(record, version_id, raw)

    assert decode(raw).number == 1
    assert all(refused(lambda raw=flipped: decode(raw)) for flipped in every_bit_of(raw))
    for flipped in some_bits_of(raw):
        links.call((b"HSET", key(b"v", record), version_id, flipped))
        assert refused(lambda: use.versions.read(ME, str(record.id), uuid_text(version_id)))


def test_each_bit_of_a_version_summary_counts(links, use, record):
    (raw,) = links.call((b"LINDEX", key(b"s", record), 0))

    assert RECORDS.decode_summary(record.id, raw).number == 1
    assert all(refused(lambda raw=flipped: RECORDS.decode_summary(record.id, raw)) for flipped in every_bit_of(raw))
    for flipped in some_bits_of(raw):
        links.call((b"LSET", key(b"s", record), 0, flipped))
        assert refused(lambda: use.versions.list(ME, str(record.id)))


def test_each_bit_of_the_head_of_an_object_counts(links, use, record):
    """A list reads no more of a record than its head."""
    (raw,) = links.call((b"GET", key(b"o", record)))
    head = raw[: raw.index(b"\x08org_acme") + 9 + 16]

    assert RECORDS.decode_head(record.id, head).name == "mine"
    assert all(refused(lambda raw=flipped: RECORDS.decode_head(record.id, raw)) for flipped in every_bit_of(head))
    assert all(refused(lambda cut=cut: RECORDS.decode_head(record.id, head[:cut])) for cut in range(1, len(head)))
    for flipped in some_bits_of(head):
        links.call((b"SET", key(b"o", record), flipped + raw[len(head) :]))
        assert refused(lambda: listed(use))


INDEXES = {"organization": (b"x", ME), "environment": (b"e", caller())}


@pytest.mark.parametrize(("kind", "who"), INDEXES.values(), ids=INDEXES)
def test_each_bit_of_a_member_of_an_index_counts(links, use, record, kind, who):
    (index,) = links.call((b"KEYS", b"s1:{0}:" + kind + b":*"))[0]
    (member, score) = links.call((b"ZRANGE", index, 0, -1, b"WITHSCORES"))[0]

    assert [row.name for row in use.lists.list(who, ListOptions()).rows] == ["mine"]
    for flipped in every_bit_of(member):
        links.call((b"DEL", index), (b"ZADD", index, score, flipped))
        assert refused(lambda: use.lists.list(who, ListOptions()))


@pytest.mark.parametrize("by", [-1, 1, 3_600_000_000])
@pytest.mark.parametrize(("kind", "who"), INDEXES.values(), ids=INDEXES)
def test_a_member_of_an_index_with_another_time_is_refused(links, use, record, kind, who, by):
    (index,) = links.call((b"KEYS", b"s1:{0}:" + kind + b":*"))[0]
    links.call((b"ZINCRBY", index, by, record.id.raw))

    with pytest.raises(IntegrityFailure):
        use.lists.list(who, ListOptions())


@pytest.mark.parametrize("member", [b"", b"x" * 15, b"x" * 17])
def test_a_member_of_an_index_that_is_no_id_is_refused(links, use, record, member):
    links.call((b"ZADD", f"s1:{{0}}:x:{record.environment}:{record.org}".encode(), record.updated_at, member))

    with pytest.raises(IntegrityFailure):
        listed(use)


@pytest.mark.parametrize(("kind", "who"), INDEXES.values(), ids=INDEXES)
def test_a_deleted_object_that_is_put_back_into_an_index_is_refused(links, use, record, kind, who):
    (index,) = links.call((b"KEYS", b"s1:{0}:" + kind + b":*"))[0]
    deleted = use.objects.delete(ME, str(record.id), version_check=None)
    links.call((b"ZADD", index, deleted.updated_at, record.id.raw))

    with pytest.raises(IntegrityFailure):
        use.lists.list(who, ListOptions())


def test_an_object_in_the_index_of_another_organization_of_the_caller_is_refused(links, use, record):
    """It would be listed twice."""
    both = caller(ACME, BETA)
    use.objects.create(THEM, name="theirs", value="v", context=context(organization_id=BETA))
    beta = f"s1:{{0}}:x:{record.environment}:{BETA}".encode()
    assert len(use.lists.list(both, ListOptions()).rows) == 2
    links.call((b"ZADD", beta, record.updated_at, record.id.raw))

    with pytest.raises(IntegrityFailure):
        use.lists.list(both, ListOptions())


def test_an_object_of_another_environment_in_an_index_is_refused(links, use, record):
    elsewhere = caller(environment=OTHER_ENVIRONMENT)
    index = f"s1:{{0}}:e:{OTHER_ENVIRONMENT}".encode()
    links.call((b"ZADD", index, record.updated_at, record.id.raw))

    with pytest.raises(IntegrityFailure):
        use.lists.list(elsewhere, ListOptions())


def test_each_bit_of_a_kek_record_counts(links, store, record):
    """Read by a process that has not cached it."""
    kek_id = record.current.key_id
    (raw,) = links.call((b"GET", b"s1:{0}:k:" + kek_id))

    assert RECORDS.decode_kek(kek_id, raw).kek_id == kek_id
    assert all(refused(lambda raw=flipped: RECORDS.decode_kek(kek_id, raw)) for flipped in every_bit_of(raw))
    for flipped in some_bits_of(raw):
        links.call((b"SET", b"s1:{0}:k:" + kek_id, flipped))
        assert refused(lambda: store.keks.get(record.environment, record.org, kek_id))


@pytest.mark.parametrize("cut", [1, 16, 100])
def test_a_truncated_record_is_refused(links, use, record, cut):
    (raw,) = links.call((b"GET", key(b"o", record)))
    links.call((b"SET", key(b"o", record), raw[:-cut]))

    with pytest.raises(IntegrityFailure):
        use.objects.read(ME, str(record.id))


def test_a_record_under_another_objects_id_is_refused(links, use, record):
    other = use.objects.create(ME, name="other", value="other", context=context())
    (raw,) = links.call((b"GET", key(b"o", record)))
    links.call((b"SET", key(b"o", other), raw))

    with pytest.raises(IntegrityFailure):
        use.objects.read(ME, str(other.id))


def test_a_record_of_another_organization_is_refused(links, use, record):
    theirs = use.objects.create(THEM, name="theirs", value="theirs", context=context(organization_id=BETA))
    (raw,) = links.call((b"GET", key(b"o", theirs)))
    links.call((b"SET", key(b"o", record), raw))

    with pytest.raises(IntegrityFailure):
        use.objects.read(ME, str(record.id))


@pytest.mark.parametrize("org", [ACME, "org_abcd"])
def test_no_part_of_another_record_is_accepted(links, use, record, org):
    """Two records of the same length, of one organization or of two: each stretch of the other is tried."""
    twin = use.objects.create(caller(org), name="twin", value="one", context=context(organization_id=org))
    twin = use.objects.update(caller(org), str(twin.id), value="two", version_check=None, contexts=())
    times = {"created_at": record.created_at, "updated_at": record.updated_at}
    twin = replace(twin, current=replace(twin.current, created_at=record.updated_at), **times)
    mine, theirs = (RECORDS.encode_object(each) for each in (record, twin))
    assert len(mine) == len(theirs)
    stretches = {
        mine[:start] + theirs[start:end] + mine[end:]
        for start in range(0, len(mine), 8)
        for end in range(start + 8, len(mine) + 8, 24)
    } - {mine}

    assert len(stretches) > 150
    assert all(refused(lambda raw=spliced: RECORDS.decode_object(record.id, raw)) for spliced in stretches)
    for spliced in sorted(stretches)[::50]:
        links.call((b"SET", key(b"o", record), spliced))
        assert refused(lambda: use.objects.read(ME, str(record.id)))


def test_a_version_under_another_versions_id_is_refused(links, use, record):
    use.objects.update(ME, str(record.id), value="three", version_check=None, contexts=())
    flat = links.call((b"HGETALL", key(b"v", record)))[0]
    ids, raws = flat[::2], flat[1::2]
    links.call((b"HSET", key(b"v", record), ids[0], raws[1], ids[1], raws[0]))

    for version_id in ids:
        with pytest.raises(IntegrityFailure):
            use.versions.read(ME, str(record.id), uuid_text(version_id))


def test_a_version_of_another_object_is_refused(links, use, record):
    other = use.objects.create(ME, name="other", value="other", context=context())
    use.objects.update(ME, str(other.id), value="new", version_check=None, contexts=())
    version_id, raw = links.call((b"HGETALL", key(b"v", other)))[0]
    links.call((b"HSET", key(b"v", record), version_id, raw))

    with pytest.raises(IntegrityFailure):
        use.versions.read(ME, str(record.id), uuid_text(version_id))


def test_a_name_that_points_at_another_object_is_refused(links, use, record):
    other = use.objects.create(ME, name="other", value="other", context=context())
    names = links.call((b"KEYS", b"s1:{0}:n:*"))[0]
    links.call(*((b"SET", name, other.id.raw) for name in names))

    with pytest.raises(IntegrityFailure):
        use.objects.read_by_name(ME, "mine", None)


def test_a_name_that_points_at_another_organization_is_refused(links, use, record):
    theirs = use.objects.create(THEM, name="mine", value="theirs", context=context(organization_id=BETA))
    names = links.call((b"KEYS", b"s1:{0}:n:*"))[0]
    links.call(*((b"SET", name, theirs.id.raw) for name in names))

    with pytest.raises(IntegrityFailure):
        use.objects.read_by_name(ME, "mine", None)


def test_index_members_of_another_organization_are_refused(links, use, record):
    use.objects.create(THEM, name="theirs", value="theirs", context=context(organization_id=BETA))
    mine, theirs = (f"s1:{{0}}:x:{record.environment}:{org}".encode() for org in (ACME, BETA))
    links.call((b"COPY", theirs, mine, b"REPLACE"))

    with pytest.raises(IntegrityFailure):
        listed(use)


def test_a_record_put_back_to_an_earlier_version_is_refused(links, use, record):
    (earlier,) = links.call((b"GET", key(b"o", record)))
    use.objects.update(ME, str(record.id), value="three", version_check=None, contexts=())
    links.call((b"SET", key(b"o", record), earlier))

    for use_it in (
        lambda: use.objects.read(ME, str(record.id)),
        lambda: use.objects.describe(ME, str(record.id)),
        lambda: use.explanations.explain(ME, str(record.id)),
        lambda: use.versions.list(ME, str(record.id)),
        lambda: use.objects.update(ME, str(record.id), value="four", version_check=None, contexts=()),
        lambda: use.objects.delete(ME, str(record.id), version_check=None),
    ):
        with pytest.raises(IntegrityFailure):
            use_it()


def test_a_deleted_record_put_back_to_live_is_refused(links, use, record):
    (live,) = links.call((b"GET", key(b"o", record)))
    use.objects.delete(ME, str(record.id), version_check=None)
    links.call((b"SET", key(b"o", record), live))

    for use_it in (
        lambda: use.objects.read(ME, str(record.id)),
        lambda: use.objects.describe(ME, str(record.id)),
        lambda: use.explanations.explain(ME, str(record.id)),
        lambda: use.objects.update(ME, str(record.id), value="three", version_check=None, contexts=()),
        lambda: use.objects.delete(ME, str(record.id), version_check=None),
    ):
        with pytest.raises(IntegrityFailure):
            use_it()


def test_a_restored_record_put_back_to_deleted_is_not_restored_again(links, use, record):
    use.objects.delete(ME, str(record.id), version_check=None)
    (deleted,) = links.call((b"GET", key(b"o", record)))
    use.objects.restore(ME, str(record.id))
    links.call((b"SET", key(b"o", record), deleted))

    with pytest.raises(IntegrityFailure):
        use.objects.restore(ME, str(record.id))


def test_a_missing_older_version_is_refused(links, use, record):
    links.call((b"DEL", key(b"s", record)))

    with pytest.raises(IntegrityFailure):
        use.versions.list(ME, str(record.id))


def test_a_value_of_another_type_is_refused(links, use, record):
    links.call((b"DEL", key(b"o", record)), (b"RPUSH", key(b"o", record), b"x"))

    with pytest.raises(IntegrityFailure):
        use.objects.read(ME, str(record.id))


def test_the_reason_of_a_refusal_is_in_the_audit_log(links, store, use, record):
    links.call((b"SET", key(b"o", record), b"noise"))

    with pytest.raises(IntegrityFailure) as failure:
        use.objects.read(ME, str(record.id))

    assert store.actions()[-1] == "vault.object.refused"
    assert failure.value.reason == "record MAC"
    assert "MAC" not in str(failure.value)


def test_a_context_that_points_at_another_organizations_kek_is_refused(links, store):
    """The thief makes BETA's next values readable to the owner of ACME's key; seen by a process with nothing cached."""
    provider = LocalProvider(roots_of(bytes(32)))
    one, fresh = (services(store, provider_gateway=on_provider(provider)) for _ in range(2))
    mine = one.objects.create(ME, name="mine", value="v", context=context())
    one.objects.create(THEM, name="theirs", value="v", context=context(organization_id=BETA))
    for pointer in links.call((b"KEYS", b"s1:{0}:c:*"))[0]:
        links.call((b"SET", pointer, mine.current.key_id))

    with pytest.raises(IntegrityFailure) as refused:
        fresh.objects.create(THEM, name="next", value="v", context=context(organization_id=BETA))

    assert refused.value.reason == "KEK pointer"


def test_an_object_that_lost_its_record_is_not_found(links, use, record):
    links.call((b"DEL", key(b"o", record)))

    with pytest.raises(NotFound):
        use.objects.read(ME, str(record.id))


def listed(use):
    return use.lists.list(ME, ListOptions())


USES = {
    "read": lambda use, who, text: use.objects.read(who, text),
    "describe": lambda use, who, text: use.objects.describe(who, text),
    "update": lambda use, who, text: use.objects.update(who, text, value="x", version_check=None, contexts=()),
    "delete": lambda use, who, text: use.objects.delete(who, text, version_check=None),
    "restore": lambda use, who, text: use.objects.restore(who, text),
    "list of versions": lambda use, who, text: use.versions.list(who, text),
    "read of a version": lambda use, who, text: use.versions.read(who, text, uuid_text(bytes(16))),
    "explain": lambda use, who, text: use.explanations.explain(who, text),
}


@pytest.mark.parametrize("use_case", USES.values(), ids=USES)
def test_nothing_is_read_of_an_object_that_cannot_be_the_callers(links, use, record, use_case):
    links.call((b"SET", key(b"o", record), b"what would be refused, if it were read"))

    with pytest.raises(NotFound):
        use_case(use, THEM, str(record.id))
    with pytest.raises(IntegrityFailure):
        use_case(use, ME, str(record.id))


@pytest.mark.parametrize(("name", "hours"), [("key-1", 24), ("", 1)])
def test_an_outcome_that_outlived_its_time_answers_no_request(links, use, record, name, hours):
    fingerprint, place = KEYS.fingerprint(b"the request"), b"PUT /kv/1"
    who = replace(ME, idempotent=IdempotentRequest(ENVIRONMENT, ME.principal.actor, name, place, fingerprint))

    def update():
        return use.objects.update(who, str(record.id), value="three", version_check=None, contexts=())

    first = update()
    kept = Keyspace(1, KEYS).outcomes(0, ENVIRONMENT, ME.principal.actor, name.encode() or fingerprint)
    ((at, raw),) = [links.call((b"HGETALL", kept))[0]]
    outcome = RECORDS.decode_outcome(kept + at, raw)
    aged = replace(outcome, started_at=outcome.started_at - hours * 3_600_000_000)
    links.call((b"HSET", kept, at, RECORDS.encode_outcome(kept + at, aged)), (b"PERSIST", kept))

    assert update().current.number == first.current.number + 1
