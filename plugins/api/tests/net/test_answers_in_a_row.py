"""Another answer may follow on a connection, unless the one before it ended it or was malformed."""

import time

import pytest

from sealring_plugin.net.answers import BadAnswer
from support.raw_answers import CHUNKED, HEAD, read, reading


@pytest.mark.parametrize("fields", [b"", b"connection: keep-alive\r\n", b"connection: keep-alive, x\r\n"])
def test_another_answer_may_follow(fields):
    assert reading(HEAD + fields + b"content-length: 2\r\n\r\n{}").read()[1] is True


@pytest.mark.parametrize(
    "said",
    [
        HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\n{}",
        HEAD + b"Connection: keep-alive , Close\r\ncontent-length: 2\r\n\r\n{}",
        HEAD + b"connection: keep-alive\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\n{}",
    ],
)
def test_no_answer_follows_one_that_ends_the_connection(said):
    answer, more = reading(said).read()

    assert (answer.body, more) == (b"{}", False)


@pytest.mark.parametrize("surplus", [b"x", b"\r\n", HEAD + b"content-length: 2\r\n\r\n[]"])
def test_what_comes_after_an_answer_ends_the_connection(surplus):
    """It would be taken for the answer to the next request, which may be another organization's."""
    answer, more = reading(HEAD + b"content-length: 2\r\n\r\n{}" + surplus).read()

    assert (answer.body, more) == (b"{}", False)


@pytest.mark.parametrize(
    "headers",
    [b"x:" + b" " * 1500 + b"\x01", b"x:" + b" \t" * 700 + b"a\x01", (b"x:" + b" " * 200 + b"\r\n") * 70 + b"y"],
    ids=["blanks", "blanks and tabs", "many of them"],
)
def test_a_malformed_head_costs_no_more_than_its_length(headers):
    began = time.process_time()

    with pytest.raises(BadAnswer):
        read(HEAD + headers + b"\r\n\r\n")

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 204 No\r\ncontent-length: 5", b"HTTP/1.1 304 No\r\ntransfer-encoding: chunked"],
    ids=["204 with a length", "304 in chunks"],
)
def test_nothing_follows_an_answer_without_a_body_that_announces_one(head):
    assert reading(head + b"\r\n\r\n").read()[1] is False


def test_a_304_may_say_how_long_its_body_would_be():
    assert reading(b"HTTP/1.1 304 No\r\ncontent-length: 5\r\n\r\n").read()[1] is True


@pytest.mark.parametrize("trailer", [b"bad\ntrailer", b"HTTP/1.1 200 OK", b"x: y\n\nz", b" x: y"])
def test_a_malformed_trailer_is_refused(trailer):
    with pytest.raises(BadAnswer, match="a header is malformed"):
        read(CHUNKED + b"0\r\n" + trailer + b"\r\n\r\n")


@pytest.mark.parametrize("extension", [b";a=\rb", b";\x00"])
def test_a_malformed_extension_of_a_chunk_is_refused(extension):
    with pytest.raises(BadAnswer, match="the size of a chunk is malformed"):
        read(CHUNKED + b"1" + extension + b"\r\na\r\n0\r\n\r\n")
