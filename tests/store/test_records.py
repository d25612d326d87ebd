"""What a record says and where it lies have to agree, also where we wrote it: a MAC tells who wrote, and not what."""

from dataclasses import replace

import pytest

from sealring.domain.envelope import Suite
from sealring.domain.ids import ObjectId
from sealring.domain.wire import lp16
from sealring.errors import IntegrityFailure
from sealring.store.schema.records import Records
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, services
from support.memory import home
from support.stores import KEYS, memory

RECORDS = Records(KEYS, home)
KEK = bytes(range(16))


@pytest.fixture(scope="module")
def use():
    return services(memory())


@pytest.fixture(scope="module")
def record(use):
    return use.objects.create(caller(ACME), name="mine", value="v", context=context())


@pytest.fixture(scope="module")
def others(use):
    """Objects of the same organization, of another context of it, and of another organization."""
    made = {"object": context(), "context": context(organization_id=ACME, type="card")}
    mine = {each: use.objects.create(caller(ACME), name=each, value="v", context=it) for each, it in made.items()}
    theirs = context(organization_id=BETA)
    return {**mine, "organization": use.objects.create(caller(BETA), name="theirs", value="v", context=theirs)}


def reason(decode):
    with pytest.raises(IntegrityFailure) as refused:
        decode()
    return refused.value.reason


def signed(place, body):
    return body + KEYS.record(place + body)


# --- objects


def test_an_object_is_read_as_it_was_written(record):
    assert RECORDS.decode_object(record.id, RECORDS.encode_object(record)) == record


def test_an_object_in_the_place_of_another_is_refused(record, others):
    raw = RECORDS.encode_object(record)

    assert reason(lambda: RECORDS.decode_object(others["object"].id, raw)) == "record MAC"


@pytest.mark.parametrize("other", ["object", "context", "organization"])
def test_an_object_with_the_envelope_of_another_is_not_written(record, others, other):
    """It could never be read again."""
    with pytest.raises(ValueError, match="an envelope of another object"):
        RECORDS.encode_object(replace(record, current=others[other].current))


def test_an_object_with_another_context_than_its_envelopes_is_not_written(record):
    with pytest.raises(ValueError, match="an envelope of another object"):
        RECORDS.encode_object(replace(record, context=context(organization_id=ACME, type="card")))


@pytest.mark.parametrize(
    "change",
    [
        {"version_id": bytes(16)},
        {"message_id": bytes(32)},
        {"object_id": bytes(16)},
        {"suite": Suite.DATA_KEY},
        {"context_hash": bytes(32)},
        {"org": BETA},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_envelope_with_another_header_is_not_written(record, change):
    envelope = record.current.envelope
    version = replace(record.current, envelope=replace(envelope, header=replace(envelope.header, **change)))

    with pytest.raises(ValueError, match="an envelope of another object"):
        RECORDS.encode_version(record, version)


@pytest.mark.parametrize("of", [(ENVIRONMENT, BETA), (OTHER_ENVIRONMENT, ACME)])
def test_an_object_under_an_id_of_another_organization_is_refused(record, of):
    """Envelope and all."""
    raw_id = home(*of).raw + record.id.raw[4:]
    envelope = record.current.envelope
    moved = replace(envelope, header=replace(envelope.header, object_id=raw_id))
    raw = RECORDS.encode_object(replace(record, id=ObjectId(raw_id), current=replace(record.current, envelope=moved)))

    assert raw_id[:4] != record.id.raw[:4]
    assert reason(lambda: RECORDS.decode_object(ObjectId(raw_id), raw)) == "object record"
    assert reason(lambda: RECORDS.decode_head(ObjectId(raw_id), raw)) == "object record"


@pytest.mark.parametrize("part", [slice(-16, -12), slice(-4, None)], ids=["first", "last"])
def test_each_part_of_a_mac_counts(record, part):
    raw = bytearray(RECORDS.encode_object(record))
    raw[part] = bytes(each ^ 1 for each in raw[part])

    assert reason(lambda: RECORDS.decode_object(record.id, bytes(raw))) == "record MAC"


# --- versions


def test_a_version_is_read_as_it_was_written(record):
    raw = RECORDS.encode_version(record, record.current)

    assert RECORDS.decode_version(record, record.current.id, raw) == record.current


def test_a_version_with_the_envelope_of_another_object_is_not_written(record, others):
    with pytest.raises(ValueError, match="an envelope of another object"):
        RECORDS.encode_version(record, others["object"].current)


@pytest.mark.parametrize("other", ["object", "context", "organization"])
def test_a_version_of_another_object_is_refused(record, others, other):
    raw = RECORDS.encode_version(record, record.current)

    assert reason(lambda: RECORDS.decode_version(others[other], record.current.id, raw)) == "record MAC"


def test_a_version_in_the_place_of_another_is_refused(record):
    raw = RECORDS.encode_version(record, record.current)

    assert reason(lambda: RECORDS.decode_version(record, bytes(16), raw)) == "record MAC"


# --- formats


@pytest.mark.parametrize("form", [0, 3, 255])
def test_a_record_of_a_format_that_nobody_knows_yet_is_refused(use, record, form):
    kek_id = record.current.key_id
    for place, raw, decode in (
        (b"object" + record.id.raw, RECORDS.encode_object(record), lambda raw: RECORDS.decode_object(record.id, raw)),
        (
            version_place(record),
            RECORDS.encode_version(record, record.current),
            lambda raw: RECORDS.decode_version(record, record.current.id, raw),
        ),
        (b"kek" + kek_id, kek_of(kek_id), lambda raw: RECORDS.decode_kek(kek_id, raw)),
    ):
        newer = signed(place, bytes((form,)) + raw[1:-16])
        assert reason(lambda decode=decode, newer=newer: decode(newer)) in {
            "object record",
            "version record",
            "KEK record",
        }


def version_place(record):
    """What the MAC of its current version, as an older one, covers besides the bytes."""
    owner = lp16(ENVIRONMENT.encode()) + lp16(ACME.encode())
    return b"version" + record.id.raw + record.current.id + owner + record.context.digest


def kek_of(kek_id, versions=1):
    """The record of a managed KEK with so many versions, as docs/storage.md has it."""
    version = (1).to_bytes(4, "big") + b"\x01" + bytes(8) + (1).to_bytes(4, "big") + b"\x04data\x05local" + bytes(4)
    body = b"\x01" + lp16(b"scope") + b"\x00" + versions.to_bytes(2, "big") + version * versions
    return signed(b"kek" + kek_id, body)


def test_a_kek_has_a_version_or_is_refused():
    assert len(RECORDS.decode_kek(KEK, kek_of(KEK)).versions) == 1
    assert reason(lambda: RECORDS.decode_kek(KEK, kek_of(KEK, versions=0))) == "KEK record"


# --- seals


def test_a_seal_of_no_bindings_is_of_one_organization_in_one_environment():
    owners = [(ENVIRONMENT, ACME), (ENVIRONMENT, BETA), (OTHER_ENVIRONMENT, ACME)]

    assert len({RECORDS.seal_bindings(*owner, []) for owner in owners}) == 3
