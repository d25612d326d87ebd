"""Sealed streams: whatever is not the whole stream, chunk by chunk in its order, does not open."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.crypto.chunks import CHUNK_BYTES, SEALED_BYTES, Chunks
from sealring.errors import IntegrityFailure

HEAD = bytes(32)


def chunks(dek=range(32), head=HEAD):
    return Chunks(bytearray(dek), head)


def opened(sealed, **options):
    return b"".join(chunks(**options).open(io.BytesIO(b"".join(sealed)).read))


def refused(sealed, **options):
    with pytest.raises(IntegrityFailure):
        opened(sealed, **options)


@pytest.fixture(scope="module")
def stream():
    """Three full chunks, and a last one of a single byte."""
    return list(chunks().seal([bytes(CHUNK_BYTES), b"a" * CHUNK_BYTES, b"b" * CHUNK_BYTES, b"c"]))


def test_a_stream_opens(stream):
    assert opened(stream) == bytes(CHUNK_BYTES) + b"a" * CHUNK_BYTES + b"b" * CHUNK_BYTES + b"c"


def test_all_chunks_but_the_last_are_full(stream):
    assert [len(each) for each in stream] == [SEALED_BYTES, SEALED_BYTES, SEALED_BYTES, 17]


@pytest.mark.parametrize(
    ("size", "count"), [(0, 1), (1, 1), (CHUNK_BYTES, 1), (CHUNK_BYTES + 1, 2), (2 * CHUNK_BYTES, 2)]
)
def test_a_stream_of_any_size_opens(size, count):
    sealed = list(chunks().seal([bytes(size)]))

    assert opened(sealed) == bytes(size)
    assert len(sealed) == count


@given(st.lists(st.integers(0, 70_000), max_size=6))
def test_the_pieces_in_which_a_stream_comes_make_no_difference(sizes):
    whole = bytes(sum(sizes))

    assert list(chunks().seal(bytes(size) for size in sizes)) == list(chunks().seal([whole]))


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_a_stream_that_was_cut_at_a_border_is_refused(stream, kept):
    refused(stream[:kept])


@pytest.mark.parametrize("cut", [1, 16, 17, 18, SEALED_BYTES])
def test_a_stream_that_was_cut_elsewhere_is_refused(stream, cut):
    refused([b"".join(stream)[:-cut]])


@pytest.mark.parametrize(
    "order", [(1, 0, 2, 3), (0, 2, 1, 3), (0, 0, 1, 2, 3), (0, 1, 2, 3, 3), (0, 2, 3), (3, 0, 1, 2)]
)
def test_chunks_that_were_moved_doubled_or_left_out_are_refused(stream, order):
    refused(stream[number] for number in order)


def test_a_byte_too_many_is_refused(stream):
    refused([*stream, b"\0"])


def test_a_changed_bit_is_refused(stream):
    refused([stream[0], bytes((stream[1][0] ^ 1,)) + stream[1][1:], *stream[2:]])


def test_nothing_of_a_chunk_that_was_changed_is_given_away(stream):
    opening = chunks().open(io.BytesIO(stream[0] + bytes(SEALED_BYTES)).read)

    assert next(opening) == bytes(CHUNK_BYTES)
    with pytest.raises(IntegrityFailure):
        next(opening)


def test_another_key_is_refused(stream):
    refused(stream, dek=bytes(32))


def test_another_head_is_refused(stream):
    refused(stream, head=bytes(31) + b"\1")
