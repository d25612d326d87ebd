"""Base64 of encrypted values, read and written a piece at a time."""

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain import envelope_texts
from sealring.domain.envelope_texts import encrypted_of, text_of
from sealring.errors import EnvelopeRejected

QUADS = st.sampled_from(["AAAA", "+/9z", "QQ==", "QUE=", "QQ=", "Q", "=", "\n", "\r\n", " ", "\u00e9", "\U0001f511"])
TEXTS = st.lists(QUADS, max_size=12).map("".join)


def in_one_piece(text):
    try:
        return binascii.a2b_base64(text.replace("\n", "").replace("\r", ""), strict_mode=True)
    except ValueError:
        return None


def read(text):
    try:
        return encrypted_of(text)
    except EnvelopeRejected:
        return None


@pytest.fixture(scope="module", params=[3, 6, 15])
def _pieces(request):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(envelope_texts, "_PIECE", request.param)
        patched.setattr(envelope_texts, "_PIECE_OF_TEXT", request.param // 3 * 4)
        yield


@pytest.mark.usefixtures("_pieces")
@given(TEXTS)
def test_a_text_is_read_in_pieces_as_it_is_in_one(text):
    assert read(text) == in_one_piece(text)


@pytest.mark.usefixtures("_pieces")
@given(st.binary(max_size=64))
def test_bytes_are_written_in_pieces_as_they_are_in_one(raw):
    assert text_of(raw) == base64.b64encode(raw).decode()
    assert encrypted_of(text_of(raw)) == raw


@pytest.mark.parametrize("size", [196_608, 196_609, 1_000_000])
def test_large_values_come_back(size):
    raw = bytes(range(256)) * (size // 256) + bytes(size % 256)

    assert text_of(raw) == base64.b64encode(raw).decode()
    assert encrypted_of(text_of(raw)) == raw


@pytest.mark.parametrize(
    "text", ["A" * 262_140 + "QQ==" + "AAAA", "A" * 262_144 + "=", "A" * 262_145, "A" * 300_000 + "\u00e9"]
)
def test_a_large_text_that_is_no_base64_is_refused(text):
    with pytest.raises(EnvelopeRejected):
        encrypted_of(text)
