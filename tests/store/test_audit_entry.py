"""Entries of the audit stream: all that is told of an event, and what nobody can alter."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.context import KeyContext
from sealring.domain.events import Action, Event, Origin
from sealring.errors import IntegrityFailure
from sealring.store.schema.audit_entry import AuditEntry, decode_entry, decode_fields, encode_entry
from store.audit_kit import EVERYTHING, OF_ITEMS
from support.envelopes import ENVIRONMENT, ids, orgs
from support.stores import KEYS
from support.tampering import every_bit_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
contexts = st.dictionaries(texts.filter(lambda key: key and "\0" not in key), st.just("value"), min_size=1, max_size=10)
uses = st.tuples(ids, st.integers(0, 2**32 - 1))
counters = st.integers(0, 2**64 - 1)
places = st.integers(0, 2**32 - 1)
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
    st.lists(st.tuples(places, places), max_size=20).map(tuple),
)


@given(entries, st.integers(0, 4095))
def test_an_entry_is_read_as_it_was_appended(entry, partition):
    assert decode_entry(KEYS, partition, encode_entry(KEYS, partition, entry)) == entry


def test_an_entry_of_items_tells_an_event_for_each():
    entry = decode_entry(KEYS, 1, encode_entry(KEYS, 1, OF_ITEMS))

    assert [(event.target, event.origin.operation) for event in entry.events] == [
        ("secret_00/7", bytes(range(12)) + bytes((0, 0, 0, 0))),
        ("secret_00/300", bytes(range(12)) + bytes((0, 0, 1, 0))),
    ]
    assert {replace(event, origin=OF_ITEMS.event.origin, target="") for event in entry.events} == {
        replace(OF_ITEMS.event, target="")
    }


def test_an_entry_of_one_event_tells_that():
    assert decode_entry(KEYS, 1, encode_entry(KEYS, 1, EVERYTHING)).events == [EVERYTHING.event]


@pytest.mark.parametrize("count", [1, 1_000])
def test_an_entry_has_room_for_the_items_of_a_batch(count):
    entry = replace(OF_ITEMS, items=tuple((place, place) for place in range(count)))

    assert len(decode_entry(KEYS, 1, encode_entry(KEYS, 1, entry)).events) == count


@pytest.mark.parametrize("entry", [EVERYTHING, OF_ITEMS], ids=["one event", "items"])
def test_every_bit_of_an_entry_counts(entry):
    raw = encode_entry(KEYS, 1, entry)

    for altered in every_bit_of(raw):
        with pytest.raises(IntegrityFailure):
            decode_entry(KEYS, 1, altered)


@pytest.mark.parametrize("entry", [EVERYTHING, OF_ITEMS], ids=["one event", "items"])
def test_an_entry_that_was_cut_or_lengthened_is_refused(entry):
    raw = encode_entry(KEYS, 1, entry)

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
    "another version": lambda body: b"\3" + body[1:],
    "the version of items, and none": lambda body: b"\2" + body[1:],
    "no items": lambda body: b"\2" + body[1:] + b"\0\0",
    "items over the most of a batch": lambda body: b"\2" + body[1:] + b"\3\xe9" + bytes(8) * 1_001,
    "an item too few": lambda body: b"\2" + body[1:] + b"\0\2" + bytes(8),
    "items in the version of one event": lambda body: body + b"\0\1" + bytes(8),
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
