"""The bytes of objects: one form for each, whatever they hold; and nothing else is read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine, Envelope, Header
from sealring.domain.ids import EnvironmentId, ObjectId, OrgId
from sealring.domain.record import Author, ObjectRecord, State, Version
from sealring.errors import IntegrityFailure
from sealring.store.schema.object_codec import HEAD_BYTES, encode_head
from sealring.store.schema.records import Records
from sealring.store.schema.short_forms import encode_number, encode_org, take_number, take_org
from support.envelopes import ids, names, wraps
from support.make import ENVIRONMENT, context
from support.memory import home
from support.stores import KEYS

RECORDS = Records(KEYS, home)
TIMES = st.integers(0, 2**53)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
ulids = st.from_regex(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", fullmatch=True)
orgs = st.one_of(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), ulids.map("org_{}".format), st.just(""))
environments = ulids.map("environment_{}".format).map(EnvironmentId)
pairs = st.dictionaries(
    st.sampled_from(["type", "kind", "a", "z"]), texts.filter(lambda text: text and "\0" not in text)
)


@st.composite
def contexts(draw):
    org, more = draw(orgs), draw(pairs)
    spelt = draw(st.lists(st.sampled_from(["organization_id", "organizationId"]), min_size=1, unique=True))
    return KeyContext.of({**more, **(dict.fromkeys(spelt, org) if org else {"type": "card"})})


@st.composite
def versions(draw, object_id, environment, of, since, number):
    combine = draw(st.sampled_from(Combine))
    message_id = draw(ids) + draw(ids)
    header = Header.of_object(combine, message_id, environment, object_id, of)
    ciphertext = draw(st.binary(min_size=16, max_size=60))
    envelope = Envelope(
        header, draw(wraps(combine)), draw(ids) * 2, draw(st.binary(min_size=12, max_size=12)), ciphertext
    )
    author = Author(draw(texts), draw(st.one_of(texts, st.just("alice"))))
    return Version(number, since + draw(TIMES), author, envelope)


@st.composite
def records(draw):
    environment, of = draw(environments), draw(contexts())
    object_id = ObjectId(home(environment, of.organization).raw + draw(st.binary(min_size=12, max_size=12)))
    created = draw(TIMES)
    version = draw(versions(object_id.raw, environment, of, created, draw(st.integers(1, 2**32))))
    state = draw(st.sampled_from(State))
    return ObjectRecord(
        id=object_id,
        name=draw(texts),
        context=of,
        state=state,
        created_at=created,
        updated_at=created + draw(TIMES),
        revision=draw(st.integers(1, 2**32)),
        current=version,
        oldest=draw(st.integers(1, 2**32)),
        purge_at=draw(TIMES) if state is State.DELETED else 0,
        operation=draw(st.one_of(st.just(version.id), ids)),
    )


@given(records())
def test_an_object_is_read_back_as_it_was(record):
    raw = RECORDS.encode_object(record)
    read = RECORDS.decode_object(record.id, raw)

    assert read == record
    assert RECORDS.encode_object(read) == raw
    assert read.current.envelope.header.encoded == replace(record.current.envelope.header).encoded


@given(records())
def test_a_head_says_what_the_object_says(record):
    head = RECORDS.decode_head(record.id, RECORDS.encode_object(record)[:HEAD_BYTES])

    assert head == (record.state, record.created_at, record.updated_at, record.name, record.environment, record.org)
    assert head.live is record.live


@given(records(), st.data())
def test_an_older_version_is_read_back_as_it_was(record, data):
    older = data.draw(versions(record.id.raw, record.environment, record.context, record.created_at, 1))
    raw = RECORDS.encode_version(record, older)

    assert RECORDS.decode_version(record, older.id, raw) == older


@given(records(), st.data())
def test_an_object_that_ends_early_is_refused_although_its_mac_is_ours(record, data):
    body = RECORDS.encode_object(record)[:-16]
    sealed = len(record.current.envelope.ciphertext)
    cut = body[: data.draw(st.integers(0, len(body) - sealed + 15))]
    raw = cut + KEYS.record(b"object" + record.id.raw + cut)

    with pytest.raises(IntegrityFailure):
        RECORDS.decode_object(record.id, raw)


@given(records(), st.data())
def test_an_object_has_one_form_only(record, data):
    """Whatever byte is changed under a MAC that is ours: it is refused, or it is the form of something else."""
    raw = bytearray(RECORDS.encode_object(record)[:-16])
    start = len(encode_head(record)) + 16
    raw[data.draw(st.integers(start, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    changed = bytes(raw) + KEYS.record(b"object" + record.id.raw + bytes(raw))

    try:
        read = RECORDS.decode_object(record.id, changed)
    except IntegrityFailure:
        return

    assert RECORDS.encode_object(read) == changed


@given(st.binary(max_size=300))
def test_noise_under_our_mac_is_refused(noise):
    object_id = ObjectId(bytes(16))
    raw = noise + KEYS.record(b"object" + object_id.raw + noise)

    with pytest.raises(IntegrityFailure):
        RECORDS.decode_object(object_id, raw)


@given(names.map(OrgId), st.text(st.characters(exclude_categories=("Cs",)), min_size=200, max_size=200))
def test_the_longest_head_is_within_what_a_list_reads(org, name):
    record = ObjectRecord(ObjectId(bytes(16)), name, context(), State.LIVE, 2**63, 2**63, 1, _of(org.ljust(64, "x")))

    assert len(encode_head(replace(record, updated_at=2**64 + 2**62))) + 16 <= HEAD_BYTES


def _of(org):
    """A version of which only the header counts."""
    header = Header.of_object(Combine.ANY, bytes(32), ENVIRONMENT, bytes(16), context(organization_id=org))
    return Version(1, 0, Author("a", "a"), Envelope(header, (), b"", b"", b""))


# --- short forms


@pytest.mark.parametrize(
    ("number", "raw"),
    [(0, "00"), (127, "7f"), (128, "8001"), (16_383, "ff7f"), (16_384, "808001"), (2**64 - 1, "ff" * 9 + "01")],
)
def test_a_number_has_seven_bits_a_byte(number, raw):
    assert encode_number(number).hex() == raw
    assert take_number(b"?" + bytes.fromhex(raw) + b"!", 1) == (number, 1 + len(raw) // 2)


@pytest.mark.parametrize("raw", ["8000", "ff00", "ff" * 9 + "02", "ff" * 10 + "01", "80" * 12])
def test_a_number_in_another_form_is_refused(raw):
    with pytest.raises(ValueError, match="a number that is too long"):
        take_number(bytes.fromhex(raw), 0)


def test_a_number_below_nothing_is_not_written():
    with pytest.raises(ValueError, match="below 0"):
        encode_number(-1)


def test_an_organization_of_a_ulid_has_seventeen_bytes():
    raw = encode_org(OrgId("org_01JBENCH000000000000000003"))

    assert len(raw) == 17
    assert take_org(raw, 0) == ("org_01JBENCH000000000000000003", 17)


@pytest.mark.parametrize("org", ["org_81JBENCH000000000000000003", "org_01jbench000000000000000003", "org_1", ""])
def test_any_other_organization_is_written_as_it_is(org):
    assert encode_org(OrgId(org)) == bytes((len(org),)) + org.encode()
