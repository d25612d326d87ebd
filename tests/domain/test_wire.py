"""Length-prefixed bytes: read as they were written, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.domain.wire import (
    MalformedBytes,
    Reader,
    decode_pairs,
    decode_texts,
    encode_pairs,
    encode_texts,
    lp8,
    lp16,
    lp32,
)

texts = st.lists(st.text(max_size=5), max_size=4)


def test_a_prefix_is_the_length():
    assert lp8(b"abc") == b"\x03abc"
    assert lp16(b"abc") == b"\x00\x03abc"
    assert lp32(b"abc") == b"\x00\x00\x00\x03abc"


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (lambda reader: reader.take(3), b"ab"),
        (lambda reader: reader.number(4), b"\x00\x00\x00"),
        (Reader.lp8, b"\x03ab"),
        (Reader.lp16, b"\x00\x03ab"),
        (Reader.lp32, b"\x00\x00\x00\x03ab"),
        (Reader.lp8, b""),
        (Reader.lp16, b"\x00"),
        (Reader.lp32, b"\x00\x00\x00"),
        (Reader.flag, b""),
    ],
)
def test_a_field_that_lacks_a_byte_is_refused(read, raw):
    with pytest.raises(MalformedBytes, match="truncated"):
        read(Reader(raw))


def test_bytes_that_are_left_are_refused():
    reader = Reader(b"\x01a\x00")

    assert reader.lp8() == b"a"
    with pytest.raises(MalformedBytes, match="trailing bytes"):
        reader.finish()


def test_nothing_is_left_at_the_end():
    reader = Reader(b"\x01a")
    reader.lp8()

    reader.finish()


def test_a_flag_is_yes_or_no():
    assert [Reader(bytes((value,))).flag() for value in (0, 1)] == [False, True]
    for value in (2, 3, 255):
        with pytest.raises(MalformedBytes, match="a flag that is not 0 or 1"):
            Reader(bytes((value,))).flag()


@given(texts)
def test_texts_are_read_back(each):
    assert decode_texts(Reader(encode_texts(each))) == tuple(each)


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4))
def test_pairs_are_read_back(pairs):
    assert decode_pairs(Reader(encode_pairs(pairs))) == tuple(pairs)


def test_a_pair_without_its_half_is_refused():
    with pytest.raises(MalformedBytes, match="a pair without its half"):
        decode_pairs(Reader(encode_texts(["name", "value", "name"])))
