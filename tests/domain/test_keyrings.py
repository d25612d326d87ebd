"""Names of keyrings, ids of their keys, and the bytes of envelopes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.ids import EnvironmentId
from sealring.domain.keyring_codec import Encrypted, bound_aad, parse_encrypted, parse_envelope, parse_wrapped_dek
from sealring.domain.keyrings import DekId, Keyring, OwnedKeyring, dek_id, new_dek_id
from sealring.errors import InvalidBody
from sealring_plugin import protobuf

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
I64 = st.integers(-(1 << 63), (1 << 63) - 1)


def names(text):
    try:
        return Keyring(text)
    except InvalidBody:
        return None


@pytest.mark.parametrize("text", ["dek_AbCdEfGhI", "dek_2AbCdEfGhIjKlMnOpQrStUvWxYz", "x", "A-b_9", "x" * 128])
def test_ids_of_any_service_are_ids(text):
    assert dek_id(text) == text


@pytest.mark.parametrize("text", ["", "LATEST", "a/b", "..", "../x", "a.b", "a b", "a\0", "a\n", "é", "x" * 129])
def test_what_could_name_something_else_is_no_id(text):
    assert dek_id(text) is None


def test_a_new_id_has_the_form_of_those_of_other_servers():
    made = {new_dek_id() for _ in range(100)}

    assert len(made) == 100
    assert all(len(each) == 13 and dek_id(each) == each and each.startswith("dek_") for each in made)


@given(TEXT, TEXT)
def test_no_two_keyrings_have_the_same_bytes(one, other):
    rings = [OwnedKeyring(EnvironmentId("e"), ring) for ring in map(names, (one, other)) if ring is not None]

    assert len({each.encoded for each in rings}) == len({each.ring.name for each in rings})


@given(TEXT, TEXT, I64, I64)
def test_no_two_envelopes_of_different_keyrings_have_the_same_additional_data(one, other, time, later):
    rings = [OwnedKeyring(EnvironmentId("e"), ring) for ring in map(names, (one, other)) if ring is not None]
    asked = {(each, key_id, at) for each in rings for key_id in ("a", "ab") for at in (time, later)}

    assert len({bound_aad(each, DekId(key_id), at) for each, key_id, at in asked}) == len(asked)


@given(st.integers(0, 1 << 31), st.binary(max_size=300), st.binary(max_size=300), TEXT, I64)
def test_an_encrypted_is_read_as_it_was_written(algorithm, nonce, ciphertext, key_id, time):
    made = Encrypted(algorithm, nonce, ciphertext, key_id, time)

    assert parse_encrypted(made.encode()) == made


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    for parse in (parse_encrypted, parse_envelope, parse_wrapped_dek):
        try:
            parse(raw)
        except ValueError:
            continue


def test_unknown_fields_are_skipped_and_the_last_of_a_repeated_one_counts():
    known = Encrypted(0, bytes(12), bytes(16), "dek_a", 5).encode()
    unknown = b"\x30\x01" + b"\x39" + bytes(8) + b"\x42\x02ab" + b"\x4d" + bytes(4)

    assert parse_encrypted(unknown + known + b"\x22\x05dek_b") == Encrypted(0, bytes(12), bytes(16), "dek_b", 5)


@pytest.mark.parametrize(
    "raw",
    [b"\x08", b"\x12\x05ab", b"\x00\x01", b"\x0b\x0c", b"\x0f", b"\x08" + b"\xff" * 10, b"\x11\x01", b"\x22\x01\xff"],
)
def test_what_is_no_message_is_refused(raw):
    with pytest.raises(ValueError, match=r".+"):
        parse_encrypted(raw)


def test_a_message_has_up_to_32_fields_known_or_not():
    known = Encrypted(0, bytes(12), bytes(16), "dek_a", 0).encode()

    assert parse_envelope(29 * b"\x30\x00" + known)[1] == "dek_a"
    with pytest.raises(ValueError, match="too many fields"):
        parse_envelope(30 * b"\x30\x00" + known)


def test_numbers_have_one_form():
    assert protobuf.number_field(1, 300) == b"\x08\xac\x02"
    assert protobuf.number_field(5, -1) == b"\x28" + b"\xff" * 9 + b"\x01"
    assert protobuf.number_field(1, 0) == protobuf.bytes_field(2, b"") == b""
