"""Entries of the audit stream: all that is told of an event, what nobody can alter, and which of them are missing."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.context import KeyContext
from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.ports import Change, Entries
from sealring.errors import IntegrityFailure, NameTaken
from sealring.services.visibility import event_of
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Link
from sealring.store.schema.audit_entry import (
    AuditEntry,
    decode_entry,
    decode_fields,
    encode_alike,
    encode_entry,
)
from store.every_use import WRITES, filled
from support.envelopes import ENVIRONMENT, ids, orgs
from support.make import ACME, BETA, caller, context, gateway, services
from support.stores import KEYS, on_parts, parts_on
from support.tampering import every_bit_of

ME = caller(ACME)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
contexts = st.dictionaries(texts.filter(lambda key: key and "\0" not in key), st.just("value"), min_size=1, max_size=10)
uses = st.tuples(ids, st.integers(0, 2**32 - 1))
counters = st.integers(0, 2**64 - 1)
origins = st.builds(
    Origin, texts, texts, texts, operation=ids, attempt=st.integers(0, 255), token_id=texts, source=texts
)


@st.composite
def events(draw):
    return Event(
        action=draw(st.sampled_from(Action)),
        environment=ENVIRONMENT,
        org=draw(orgs),
        origin=draw(origins),
        target=draw(texts),
        name=draw(texts),
        context=draw(st.none() | contexts.map(KeyContext.of)),
        keys=tuple(draw(st.lists(uses, max_size=16))),
        refused=draw(st.booleans()),
        reason=draw(texts),
        provider=draw(texts),
        detail=draw(texts),
    )


entries = st.builds(
    AuditEntry,
    events(),
    st.binary(min_size=8, max_size=8),
    counters,
    st.lists(counters, max_size=255).map(tuple),
)

EVERYTHING = AuditEntry(
    event=Event(
        action=Action.OBJECT_REFUSED,
        environment=EnvironmentId(ENVIRONMENT),
        org=OrgId("org_acme"),
        origin=Origin("urn:test", "alice", "request-1", bytes(range(16)), 3, "token-1", "loopback"),
        target="secret_00",
        name="name",
        context=KeyContext.of({"organization_id": "org_acme"}),
        keys=((bytes(16), 1), (bytes(range(16)), 2)),
        refused=True,
        reason="record MAC",
        provider="AWS_KMS",
        detail="verified",
    ),
    boot=b"12345678",
    counter=5,
    refused=(3, 4),
)


@given(events(), st.lists(st.tuples(ids, texts), max_size=5))
def test_entries_that_are_alike_are_encoded_as_each_by_itself(event, each):
    boot = bytes(8)
    alike = list(encode_alike(KEYS, 3, AuditEntry(event, boot, 0), count(7), each))

    entries = Entries(event, each)
    assert alike == [
        encode_entry(KEYS, 3, AuditEntry(entries.event_of(*one), boot, 7 + number)) for number, one in enumerate(each)
    ]


@given(entries, st.integers(0, 4095))
def test_an_entry_is_read_as_it_was_appended(entry, partition):
    assert decode_entry(KEYS, partition, encode_entry(KEYS, partition, entry)) == entry


def test_every_bit_of_an_entry_counts():
    raw = encode_entry(KEYS, 1, EVERYTHING)

    for altered in every_bit_of(raw):
        with pytest.raises(IntegrityFailure):
            decode_entry(KEYS, 1, altered)


def test_an_entry_that_was_cut_or_lengthened_is_refused():
    raw = encode_entry(KEYS, 1, EVERYTHING)

    for altered in (*(raw[:size] for size in range(len(raw))), raw + b"\0", b"\0" + raw):
        with pytest.raises(IntegrityFailure):
            decode_entry(KEYS, 1, altered)


def test_an_entry_of_another_partition_is_refused():
    raw = encode_entry(KEYS, 1, EVERYTHING)

    with pytest.raises(IntegrityFailure):
        decode_entry(KEYS, 257, raw)


def test_an_entry_of_another_store_is_refused():
    raw = encode_entry(StoreKeys(bytes(32)), 1, EVERYTHING)

    with pytest.raises(IntegrityFailure):
        decode_entry(KEYS, 1, raw)


# What has our MAC and is not what we write: a bug, or another version.
STRANGE = {
    "another version": lambda body: b"\2" + body[1:],
    "an action of a newer version": lambda body: body.replace(b"vault.object.refused", b"vault.object.frozen!"),
    "neither refused nor not": lambda body: body.replace(b"\1\x14vault", b"\2\x14vault"),
    "a name that is said to be none": lambda body: body.replace(b"\1\0\4name", b"\0\0\4name"),
    "no name that is said to be one": lambda body: body.replace(b"\1\0\4name", b"\1\0\0"),
    "a name in a form of a newer version": lambda body: body.replace(b"\1\0\4name", b"\2\0\4name"),
    "no UTF-8": lambda body: body.replace(b"alice", b"al\xffce"),
    "a context that is not canonical": lambda body: body.replace(b"\0\x0forganization_id", b"\0\x0forganization_i\0"),
    "bytes left over": lambda body: body + b"\0",
    "a key too few": lambda body: body.replace(b"\2" + bytes(16), b"\3" + bytes(16)),
}


@pytest.mark.parametrize("alter", STRANGE.values(), ids=STRANGE)
def test_what_this_version_does_not_write_is_refused(alter):
    body = encode_entry(KEYS, 1, EVERYTHING)[:-16]
    strange = alter(body)
    assert strange != body

    with pytest.raises(IntegrityFailure):
        decode_entry(KEYS, 1, strange + KEYS.audit(b"\0\1" + strange))


@pytest.mark.parametrize("fields", [(), (b"e",), (b"x", b""), (b"e", b"", b"f", b"")])
def test_an_entry_has_one_field(fields):
    raw = encode_entry(KEYS, 1, EVERYTHING)
    fields = tuple(raw if each == b"" else each for each in fields)

    with pytest.raises(IntegrityFailure):
        decode_fields(KEYS, 1, fields)
    assert decode_fields(KEYS, 1, (b"e", raw)) == EVERYTHING


# --- which entry of a worker this is


@pytest.fixture
def parts(links):
    parts = parts_on(links)
    parts.markers.begin()
    return parts


def stream(parts):
    """All entries that are stored, by counter."""
    found = []
    for partition in range(4):
        (page,) = parts.links.call((b"XRANGE", parts.keyspace.audit(partition), b"-", b"+"))
        found += [decode_fields(parts.keys, partition, fields) for _, fields in page]
    return sorted(found, key=lambda each: each.counter)


def missing(entries):
    """The counters of one worker of which nothing is told."""
    told = {each.counter for each in entries}.union(*(each.refused for each in entries))
    return set(range(1, max(told) + 1)) - told


def test_a_worker_numbers_its_entries_without_a_gap(parts):
    use = services(on_parts(parts))
    record = use.objects.create(ME, name="name", value="v", context=context())
    use.objects.read(ME, str(record.id))
    with pytest.raises(NameTaken):
        use.objects.create(ME, name="name", value="v", context=context())
    use.objects.delete(ME, str(record.id), version_check=None)

    entries = stream(parts)

    assert [each.counter for each in entries] == [1, 2, 3, 4]
    assert len({each.boot for each in entries}) == 1
    assert [each.refused for each in entries] == [()] * 4


def test_each_worker_numbers_its_own(parts):
    for _ in range(2):
        services(on_parts(parts), provider_gateway=gateway(bytes(32))).data_keys.create(ME, context())

    entries = stream(parts)

    assert len({each.boot for each in entries}) == 2
    assert [each.counter for each in entries] == [1, 1, 2]  # the first one made the KEK too


def contending(monkeypatch, act, times):
    """Acts before each of the next transactions."""
    send, left = Link.send, count(-times)

    def acting(self, *commands):
        if (b"MULTI",) in commands and any(command[0] == b"XADD" for command in commands) and next(left) < 0:
            act()
        return send(self, *commands)

    monkeypatch.setattr(Link, "send", acting)


def touched(parts, record):
    """Writes the record anew, as it is."""
    key = parts.keyspace.object(record.id)
    return lambda: parts.links.call((b"SET", key, parts.links.call((b"GET", key))[0]))


def test_a_later_entry_names_those_whose_transaction_was_refused(parts, monkeypatch):
    use = services(on_parts(parts))
    record = use.objects.create(ME, name="name", value="v", context=context())
    contending(monkeypatch, touched(parts, record), 2)

    use.objects.delete(ME, str(record.id), version_check=None)

    *_, last = stream(parts)
    assert (last.counter, last.refused) == (5, (3, 4))
    assert missing(stream(parts)) == set()


@pytest.mark.parametrize("use", WRITES.values(), ids=WRITES)
def test_every_write_that_begins_again_tells_of_the_entry_that_was_refused(parts, monkeypatch, use):
    there = filled(parts.links)
    markers = [(b"SET", key, parts.links.call((b"GET", key))[0]) for key in map(parts.keyspace.marker, range(4))]
    contending(monkeypatch, lambda: parts.links.call(*markers), 1)  # watched by all of them

    use(there)

    entries = stream(parts)
    boots = {each.boot for each in entries}
    (last,) = (each for each in entries if each.refused)
    assert len(last.refused) == 1
    assert [missing([each for each in entries if each.boot == boot]) for boot in boots] == [set()] * len(boots)


def test_an_entry_that_names_others_and_is_refused_too_is_named_with_them(parts, monkeypatch):
    """By one of another organization, in another partition."""
    store = on_parts(parts)
    use = services(store)
    record = use.objects.create(ME, name="name", value="v", context=context())

    def decide(current, _moment):
        touched(parts, record)()
        if len(asked) == 2:
            raise NameTaken
        asked.append(True)
        return Change(current, event_of(Action.OBJECT_UPDATED, current, ME))

    asked = []
    with pytest.raises(NameTaken):
        store.objects.amend(record.id, decide, None)
    assert parts.keyspace.partition(ENVIRONMENT, BETA) != record.id.partition

    use.data_keys.create(caller(BETA), context(organization_id=BETA))

    made = next(each for each in stream(parts) if each.event.org == BETA)
    assert set(made.refused) == {3, 4}
    assert missing(stream(parts)) == set()


def test_more_of_them_than_an_entry_has_room_for_are_named_by_several(parts):
    audit = RedisAudit(parts.links, parts.keyspace, parts.markers, parts.keys)
    for _ in range(300):
        audit.refused(audit.entry(EVERYTHING.event))

    for _ in range(3):
        audit.append(EVERYTHING.event)

    entries = stream(parts)
    assert max(len(each.refused) for each in entries) == 255
    assert missing(entries) == set()


def test_an_entry_that_somebody_took_away_is_missed(parts):
    use = services(on_parts(parts))
    for number in range(3):
        use.data_keys.create(ME, context(organization_id=ACME, n=str(number)))
    audit = parts.keyspace.audit(parts.keyspace.partition(ENVIRONMENT, ACME))
    (page,) = parts.links.call((b"XRANGE", audit, b"-", b"+"))
    parts.links.call((b"XDEL", audit, page[2][0]))

    assert missing(stream(parts)) == {3}
