"""Envelopes and blobs of data keys: one encoding for each, and nothing else is read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.codec import (
    ItemReader,
    encode_data_key,
    encode_envelope,
    encode_item,
    head_of,
    parse_data_key,
    parse_envelope,
)
from sealring.domain.context import KeyContext
from sealring.domain.envelope import Combine, DataKeyBlob, Envelope, Header, Suite, Wrap
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.wire import MalformedBytes
from support.envelopes import data_key_blobs, envelopes, items
from support.tampering import every_bit_of

# --- one envelope and one blob, and what differs from them in one place

HEADER = Header(
    Suite.OBJECT,
    Combine.ALL,
    b"m" * 32,
    EnvironmentId("environment_01J00000000000000000000000"),
    OrgId("org_1"),
    b"o" * 16,
    b"v" * 16,
    b"h" * 32,
)
WRAPS = tuple(Wrap("local", bytes((index,)) * 16, 1, "a256gcm", index, b"blob") for index in range(2))
ENVELOPE = Envelope(HEADER, WRAPS, b"c" * 32, b"n" * 12, b"t" * 16)

CONTEXT = KeyContext.of({"organization_id": "org_1", "type": "card"})
OF_A_KEY = replace(HEADER, suite=Suite.DATA_KEY, object_id=b"", version_id=b"", context_hash=CONTEXT.digest)
BLOB = DataKeyBlob(OF_A_KEY, WRAPS, b"c" * 32, CONTEXT)


def raw(**changes):
    return encode_envelope(replace(ENVELOPE, **changes))


def headed(**changes):
    return raw(header=replace(HEADER, **changes))


def wrapped(*indexes, combine=Combine.ALL, **changes):
    wraps = tuple(replace(WRAPS[0], share_index=index, **changes) for index in indexes)
    return raw(header=replace(HEADER, combine=combine), wraps=wraps)


def test_the_envelope_that_is_changed_below_is_read():
    assert parse_envelope(raw()) == ENVELOPE
    assert parse_data_key(encode_data_key(BLOB)) == BLOB
    assert parse_envelope(wrapped(*range(16))).wraps[-1].share_index == 15
    assert parse_envelope(wrapped(0, 0, combine=Combine.ANY)).wraps[1].share_index == 0
    assert parse_envelope(wrapped(0, provider="p" * 32)).wraps[0].provider == "p" * 32


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (b"SLRH" + raw()[4:], "another magic, format or suite"),
        (raw()[:4] + b"\x02" + raw()[5:], "another magic, format or suite"),
        (raw()[:5] + b"\x00\x02" + raw()[7:], "another magic, format or suite"),
        (raw()[:5] + b"\x01\x01" + raw()[7:], "another magic, format or suite"),
        (raw()[:7] + b"\x03" + raw()[8:], "an unknown way to combine"),
        (headed(object_id=b"o" * 15), "an id of another length"),
        (headed(version_id=b"v" * 17), "an id of another length"),
        (headed(version_id=b""), "an id of another length"),
        (headed(org=OrgId("org 1")), "not an organization id"),
        (headed(org=OrgId("org_\u00e9")), "not ASCII"),
        (headed(environment=EnvironmentId("environment_1")), "not an environment id"),
        (wrapped(), "no wrap, or too many"),
        (wrapped(*range(17)), "no wrap, or too many"),
        (wrapped(1, 0), "shares out of order"),
        (wrapped(0, 0), "shares out of order"),
        (wrapped(1), "shares out of order"),
        (wrapped(0, 1, combine=Combine.ANY), "shares out of order"),
        (wrapped(0, provider=""), "a name of another length"),
        (wrapped(0, alg=""), "a name of another length"),
        (wrapped(0, provider="p" * 33), "a name of another length"),
        (wrapped(0, provider="loc\u00e4l"), "not ASCII"),
        (wrapped(0, alg="\u00e4"), "not ASCII"),
        (raw(ciphertext=b"t" * 15), "a ciphertext without a tag"),
        (raw() + b"\0", "trailing bytes"),
    ],
)
def test_an_envelope_that_breaks_a_rule_is_refused(change, says):
    with pytest.raises(MalformedBytes, match=says):
        parse_envelope(change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (encode_data_key(BLOB) + b"\0", "trailing bytes"),
        (
            encode_data_key(replace(BLOB, context=KeyContext.of({"type": "card"}))),
            "a key context that is not the header's",
        ),
        (encode_data_key(replace(BLOB, header=replace(OF_A_KEY, object_id=b"o" * 16))), "an id of another length"),
    ],
)
def test_a_blob_that_breaks_a_rule_is_refused(change, says):
    with pytest.raises(MalformedBytes, match=says):
        parse_data_key(change)


def test_each_bit_of_the_hash_of_a_blobs_context_counts():
    for flipped in every_bit_of(CONTEXT.digest):
        with pytest.raises(MalformedBytes, match="a key context that is not the header's"):
            parse_data_key(encode_data_key(replace(BLOB, header=replace(OF_A_KEY, context_hash=flipped))))


# --- any envelope


@given(envelopes())
def test_an_envelope_is_read_back_as_it_was(envelope):
    assert parse_envelope(encode_envelope(envelope)) == envelope


@given(data_key_blobs())
def test_a_data_key_blob_is_read_back_as_it_was(blob):
    assert parse_data_key(encode_data_key(blob)) == blob


@given(envelopes(), st.data())
def test_a_truncated_envelope_is_refused(envelope, data):
    raw = encode_envelope(envelope)
    length = data.draw(st.integers(0, len(raw) - 1))

    with pytest.raises(MalformedBytes):
        parse_envelope(raw[:length])


@given(envelopes(), st.binary(min_size=1, max_size=4))
def test_an_envelope_with_trailing_bytes_is_refused(envelope, extra):
    with pytest.raises(MalformedBytes):
        parse_envelope(encode_envelope(envelope) + extra)


@given(data_key_blobs(), st.data())
def test_a_truncated_data_key_blob_is_refused(blob, data):
    raw = encode_data_key(blob)
    length = data.draw(st.integers(0, len(raw) - 1))

    with pytest.raises(ValueError):
        parse_data_key(raw[:length])


@given(items())
def test_an_item_is_read_back_as_it_was(item):
    assert ItemReader().read(encode_item(item)) == item


@given(st.lists(items(), max_size=3), items())
def test_an_item_is_read_alike_whatever_was_read_before(others, item):
    reader = ItemReader()
    for other in others:
        reader.read(encode_item(other))

    assert reader.read(encode_item(item)) == reader.read(encode_item(item)) == item


@given(items(), st.integers(0, 11))
def test_an_item_with_the_message_id_of_another_is_read_for_itself(item, number):
    reader = ItemReader()
    reader.read(encode_item(item))
    key = replace(item.head.key, commitment=bytes([number]) * 32)
    other = replace(item, head=head_of(key))

    assert reader.read(encode_item(other)) == other


@given(items(), st.data())
def test_a_truncated_item_is_refused(item, data):
    raw = encode_item(item)
    length = data.draw(st.integers(0, len(raw) - 1))
    reader = ItemReader()
    if data.draw(st.booleans()):
        reader.read(raw)

    with pytest.raises(ValueError):
        reader.read(raw[:length])


@given(items(), st.binary(min_size=1, max_size=4))
def test_an_item_with_trailing_bytes_is_refused(item, extra):
    with pytest.raises(MalformedBytes):
        ItemReader().read(encode_item(item) + extra)


@given(items(), st.data())
def test_an_item_has_one_encoding_only(item, data):
    raw = bytearray(encode_item(item))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= 1 << data.draw(st.integers(0, 7))

    try:
        parsed = ItemReader().read(bytes(raw))
    except ValueError:
        return

    key = replace(parsed.head.key, header=replace(parsed.head.header))
    assert encode_item(replace(parsed, head=head_of(key))) == bytes(raw)  # encoded anew


@given(envelopes(), st.data())
def test_an_envelope_has_one_encoding_only(envelope, data):
    raw = bytearray(encode_envelope(envelope))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= 1 << data.draw(st.integers(0, 7))

    try:
        parsed = parse_envelope(bytes(raw))
    except MalformedBytes:
        return

    assert encode_envelope(replace(parsed, header=replace(parsed.header))) == bytes(raw)  # encoded anew
    assert encode_envelope(parsed) == bytes(raw)


@given(envelopes())
def test_an_object_is_no_data_key(envelope):
    with pytest.raises(MalformedBytes):
        parse_data_key(encode_envelope(envelope))


@given(data_key_blobs())
def test_a_data_key_is_no_object(blob):
    with pytest.raises(MalformedBytes):
        parse_envelope(encode_data_key(blob))


@given(st.binary(max_size=300))
def test_noise_is_refused(noise):
    with pytest.raises(MalformedBytes):
        parse_envelope(noise)


@given(envelopes())
def test_the_header_of_a_stored_object_is_encoded_like_any_other(envelope):
    header = envelope.header
    context = KeyContext.of({"organization_id": header.org or "org_1"})
    made = Header.of_object(header.combine, header.message_id, header.environment, header.object_id, context)

    assert made == replace(
        header, version_id=header.message_id[:16], org=context.organization, context_hash=context.digest
    )
    assert made.encoded == replace(made).encoded


@given(data_key_blobs())
def test_the_header_of_a_data_key_is_encoded_like_any_other(blob):
    header = blob.header
    made = Header.of_data_key(header.combine, header.message_id, header.environment, blob.context)

    assert made == header
    assert made.encoded == replace(made).encoded
