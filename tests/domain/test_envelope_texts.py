"""Base64 of encrypted values, read and written a piece at a time."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain import envelope_texts
from sealring.domain.envelope_texts import data_of, decoded, encrypted_of, plaintext_of, text_of
from sealring.errors import EnvelopeRejected

QUADS = st.sampled_from(["AAAA", "+/9z", "QQ==", "QUE=", "QQ=", "Q", "=", "\n", "\r\n", " ", "\u00e9", "\U0001f511"])
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
TEXTS = st.lists(QUADS, max_size=12).map("".join)


def in_one_piece(text):
    text = text.replace("\n", "").replace("\r", "")
    return base64.b64decode(text) if BASE64.fullmatch(text) else None


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


@pytest.mark.parametrize("text", ["AAAA=", "AAAA==", "AAAA====", "QQ===", "QUE==", "QQ==\n="])
def test_more_padding_than_needed_is_refused(text):
    assert read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "A" * 262_140 + "QQ==" + "AAAA",
        "QQ==" + "\n" * 600_000 + "AAAA",
        "A" * 262_144 + "=",
        "A" * 262_145,
        "A" * 300_000 + "\u00e9",
    ],
)
def test_a_large_text_that_is_no_base64_is_refused(text):
    with pytest.raises(EnvelopeRejected):
        encrypted_of(text)


LONG = "a\u00e9\u20ac\U0001f511" * 100_000  # its pieces end within characters


def test_a_long_text_is_encoded_and_read_in_pieces():
    assert data_of(LONG) == LONG.encode()
    for shift in range(4):
        assert plaintext_of(b"x" * shift + LONG.encode()) == "x" * shift + LONG


@pytest.mark.parametrize("raw", [LONG.encode()[:-1], LONG.encode() + b"\x80", b"\xff" + LONG.encode()])
def test_what_is_no_text_is_refused_however_long(raw):
    with pytest.raises(EnvelopeRejected):
        plaintext_of(raw)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 196_608, 196_609, 600_001])
def test_base64_is_read_and_nothing_else(size):
    raw = bytes(range(256)) * (size // 256 + 1)
    text = text_of(raw[:size])

    assert decoded(text) == raw[:size]
    bad = [
        f"{text}\n",
        f" {text}",
        f"{text}=",
        f"{text}-",
        f"{text}\u00e9",
        f"{text[:-2]}_{text[-1:]}",
        text[:-1] or "=",
    ]
    assert [each for each in bad if is_read(each)] == []


def is_read(text):
    try:
        decoded(text)
    except ValueError:
        return False
    return True
