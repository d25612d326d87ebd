"""What somebody who can write to the store cannot do: every change of a stored record is refused."""

from dataclasses import replace

import pytest

from sealring.domain.idempotency import IdempotentRequest
from sealring.domain.ids import uuid_text
from sealring.errors import IntegrityFailure, NotFound
from sealring.store.schema.keyspace import Keyspace
from store.tampering_kit import ME, RECORDS, THEM, key, listed
from support.make import ENVIRONMENT, context, services
from support.stores import KEYS, on_links
from support.tampering import every_bit_of, refused, some_bits_of


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


def test_each_bit_of_a_kek_record_counts(links, store, record):
    """Read by a process that has not cached it."""
    kek_id = record.current.key_id
    (raw,) = links.call((b"GET", b"s1:{0}:k:" + kek_id))

    assert RECORDS.decode_kek(kek_id, raw).kek_id == kek_id
    assert all(refused(lambda raw=flipped: RECORDS.decode_kek(kek_id, raw)) for flipped in every_bit_of(raw))
    for flipped in some_bits_of(raw):
        links.call((b"SET", b"s1:{0}:k:" + kek_id, flipped))
        assert refused(lambda: store.keks.get(record.environment, record.org, kek_id))


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


def test_an_object_that_lost_its_record_is_not_found(links, use, record):
    links.call((b"DEL", key(b"o", record)))

    with pytest.raises(NotFound):
        use.objects.read(ME, str(record.id))


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
