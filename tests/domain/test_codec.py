import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.codec import encode_data_key, encode_envelope, parse_data_key, parse_envelope
from sealring.domain.wire import MalformedBytes
from support.envelopes import data_key_blobs, envelopes


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


@given(envelopes(), st.data())
def test_an_envelope_has_one_encoding_only(envelope, data):
    raw = bytearray(encode_envelope(envelope))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= 1 << data.draw(st.integers(0, 7))

    try:
        parsed = parse_envelope(bytes(raw))
    except MalformedBytes:
        return

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
