"""Answers are read as RFC 9112 writes them, within their limits; what could be taken in two ways is refused."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring_plugin.net.answers import Answers, BadAnswer
from support.raw_answers import CHUNKED, HEAD, read, reading


def test_an_answer_has_a_status_headers_and_a_body():
    answer = read(HEAD + b"Content-Length: 3\r\nX-Two:  a b \t\r\nx-two: c\r\nEmpty:\r\n\r\nabc")

    assert answer.status == 200
    assert answer.headers == {"content-length": "3", "x-two": "a b, c", "empty": ""}
    assert answer.body == b"abc"


@pytest.mark.parametrize(
    "first", [b"HTTP/1.1 418", b"HTTP/1.1 418 ", b"HTTP/1.1 418 I'm a teapot \xe9", b"HTTP/1.0 418 x"]
)
def test_a_status_may_have_a_reason(first):
    assert read(first + b"\r\ncontent-length: 0\r\n\r\n").status == 418


@pytest.mark.parametrize(
    "chunks",
    [
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        b"003\r\nabc\r\n00002\r\nde\r\n000\r\n\r\n",
        b"5;name=value\r\nabcde\r\n0;last\r\n\r\n",
        b"5\r\nabcde\r\n0\r\ntrailer: x\r\nanother: y\r\n\r\n",
        b"5 \r\nabcde\r\n0\r\n\r\n",
    ],
)
def test_an_answer_may_be_in_chunks(chunks):
    assert read(CHUNKED + chunks).body == b"abcde"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_of_a_status_without_a_body_has_none(status):
    answers = reading(b"HTTP/1.1 %d x\r\n\r\n" % status)

    assert answers.read()[0].body == b""


def test_interim_answers_are_passed_over():
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"

    assert read(interim + HEAD + b"content-length: 1\r\n\r\nx").body == b"x"


@given(cuts=st.lists(st.integers(0, 120), max_size=20))
def test_it_does_not_matter_in_what_pieces_an_answer_comes(cuts):
    whole = (
        b"HTTP/1.1 100 x\r\n\r\n"
        + CHUNKED
        + b"3;x\r\nabc\r\n2\r\nde\r\n0\r\nt: u\r\n\r\n"
        + HEAD
        + b"content-length: 1\r\n\r\nf"
    )
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    answers = reading(*(whole[start:end] for start, end in pairwise(places)))

    assert [answers.read()[0].body, answers.read()[0].body] == [b"abcde", b"f"]


# --- what is refused


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"x",
        b"nonsense\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\r\n" + HEAD + b"content-length: 0\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 99 x\r\n\r\n",
        b"HTTP/1.1 600 x\r\n\r\n",
        b"HTTP/1.1 2000 x\r\n\r\n",
        b"HTTP/1.1  200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 O\rK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
        b"HTTP/1.1 101 Switching Protocols\r\ncontent-length: 0\r\n\r\n",
        HEAD + b"content-length: 0\r\n",
        HEAD + b"content-length : 0\r\n\r\n",
        HEAD + b" content-length: 0\r\n\r\n",
        HEAD + b"x: y\r\n folded\r\ncontent-length: 0\r\n\r\n",
        HEAD + b"x: y\x00\r\ncontent-length: 0\r\n\r\n",
        HEAD + b"no colon\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_refused(said):
    with pytest.raises(BadAnswer):
        read(said)


@pytest.mark.parametrize("said", [b"", b"{}", b"x" * 100])
def test_an_answer_that_does_not_say_its_length_is_refused(said):
    """Nobody could tell one that was cut off from a whole one."""
    with pytest.raises(BadAnswer, match=r"^it does not say its length$"):
        read(HEAD + b"connection: close\r\n\r\n" + said)


@pytest.mark.parametrize("length", [b"", b"-1", b"+2", b"2.0", b"0x2", b"1_0", b"2 2", b"two", b"\xb2", b"1" * 10])
def test_a_length_that_is_no_number_is_refused(length):
    with pytest.raises(BadAnswer, match=r"^it does not say its length$"):
        read(HEAD + b"content-length: " + length + b"\r\n\r\n{}")


@pytest.mark.parametrize(
    "fields",
    [
        b"content-length: 2\r\ncontent-length: 200\r\n",
        b"content-length: 2\r\nContent-Length: 2\r\n",
        b"content-length: 2\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: gzip, chunked\r\n",
        b"transfer-encoding: chunked, chunked\r\n",
        b"transfer-encoding: identity\r\n",
        b"transfer-encoding:\r\n",
    ],
)
def test_an_answer_that_says_its_length_in_two_ways_is_refused(fields):
    with pytest.raises(BadAnswer, match=r"^it does not say its length in one way$"):
        read(HEAD + fields + b"\r\n2\r\n{}\r\n0\r\n\r\n")


@pytest.mark.parametrize("size", [b"-1", b"-5", b"+2", b"0x2", b"1_0", b" 2", b"", b"zz", b"2 2", b"2\t;\n", b"1" * 9])
def test_a_chunk_whose_size_is_no_number_is_refused(size):
    """`http.client` takes -1 for all that will ever come, and keeps it."""
    with pytest.raises(BadAnswer, match=r"^the size of a chunk is malformed$"):
        read(CHUNKED + size + b"\r\nabc\r\n0\r\n\r\n")


@pytest.mark.parametrize("chunks", [b"2\r\nabc\r\n0\r\n\r\n", b"2\r\nab0\r\n\r\n"])
def test_a_chunk_of_another_size_than_it_says_is_refused(chunks):
    with pytest.raises(BadAnswer, match=r"^a chunk is longer than it says$"):
        read(CHUNKED + chunks)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200",
        HEAD,
        HEAD + b"content-length: 3\r\n\r\nab",
        CHUNKED,
        CHUNKED + b"3\r\nab",
        CHUNKED + b"2\r\nab\r\n",
        CHUNKED + b"2\r\nab\r\n0\r\n",
        CHUNKED + b"0\r\ntrailer: x\r\n",
    ],
)
def test_an_answer_that_is_cut_off_is_refused(said):
    with pytest.raises(BadAnswer, match=r"^it was cut off$"):
        read(said)


# --- limits


def test_the_longest_answer_is_read():
    assert len(read(HEAD + b"content-length: 65536\r\n\r\n" + b"x" * 65_536).body) == 65_536


def test_the_longest_answer_in_chunks_is_read():
    assert (
        len(read(CHUNKED + b"8000\r\n" + b"x" * 32_768 + b"\r\n8000\r\n" + b"x" * 32_768 + b"\r\n0\r\n\r\n").body)
        == 65_536
    )


def test_the_longest_head_is_read():
    fields = b"content-length: 1\r\nx: "
    head = HEAD + fields + b"y" * (16_384 - len(HEAD + fields))

    assert read(head + b"\r\n\r\nz").body == b"z"


class Flood:
    """What comes on a connection that never stops, and how much of it was taken."""

    def __init__(self, first, then):
        self._first = first
        self._then = then
        self.taken = 0

    def __call__(self):
        part = self._then if self.taken else self._first
        self.taken += len(part)
        return part


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (HEAD + b"content-length: 65537\r\n\r\n", b"x" * 1000),
        (HEAD + b"content-length: 999999999\r\n\r\n", b"x" * 1000),
        (CHUNKED + b"10001\r\n", b"x" * 1000),
        (CHUNKED + b"ffffffff\r\n", b"x" * 1000),
        (CHUNKED, b"1\r\nx\r\n" * 1000),
        (CHUNKED, b"1" * 1000),
        (CHUNKED, b"1;" + b"x" * 1000),
        (CHUNKED + b"0\r\n", b"x: y\r\n" * 1000),
        (CHUNKED + b"0\r\n", b"x" * 1000),
        (b"HTTP/1.1 200 ", b"x" * 1000),
        (HEAD, b"x: y\r\n" * 1000),
        (HEAD + b"x: ", b"y" * 1000),
        (b"HTTP/1.1 100 x\r\n\r\n", b"HTTP/1.1 100 x\r\n\r\n" * 10),
    ],
)
def test_an_answer_without_end_is_refused_before_it_fills_the_memory(first, then):
    flood = Flood(first, then)

    with pytest.raises(BadAnswer, match=r"^it is too long$|^it has no final status$"):
        Answers(flood).read()

    assert flood.taken < 500_000
