"""Framing: our connections take no bytes for a request that nginx in front of us takes for something else.

Of the same bytes, whatever our application gets, the application behind nginx gets too, in the same order. We may refuse more.
nginx refuses some bytes that we take, such as some hosts: then nothing comes through it, and nothing can be taken for another
thing.
"""

import random
import time

import pytest

from support.framing import doors

POST, GET = b"POST /a HTTP/1.1\r\n", b"GET /a HTTP/1.1\r\n"
HOST = b"Host: x\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

CORPUS = {
    "a request": GET + HOST + b"\r\n",
    "two in a row": GET + HOST + b"\r\n" + GET + HOST + b"\r\n",
    "a length": POST + HOST + b"Content-Length: 3\r\n\r\nabc" + SMUGGLED,
    "chunks": POST + HOST + CHUNKED + b"\r\n3\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a length and chunks": POST + HOST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "chunks and a length": POST + HOST + CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": POST + HOST + b"Content-Length: 0\r\nContent-Length: 30\r\n\r\n" + SMUGGLED,
    "the same length twice": POST + HOST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "lengths in a list": POST + HOST + b"Content-Length: 0, 0\r\n\r\n" + SMUGGLED,
    "a signed length": POST + HOST + b"Content-Length: +3\r\n\r\nabc" + SMUGGLED,
    "a negative length": POST + HOST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "a length in hexadecimal": POST + HOST + b"Content-Length: 0x3\r\n\r\nabc" + SMUGGLED,
    "a length with a blank": POST + HOST + b"Content-Length : 3\r\n\r\nabc" + SMUGGLED,
    "an empty length": POST + HOST + b"Content-Length: \r\n\r\n" + SMUGGLED,
    "a huge length": POST + HOST + b"Content-Length: 99999999999999999999999\r\n\r\n" + SMUGGLED,
    "a length with an underscore": POST + HOST + b"Content_Length: 38\r\n\r\n" + SMUGGLED,
    "chunked with a blank before": POST + HOST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked with a vertical tab": POST + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked with a form feed": POST + HOST + b"Transfer-Encoding:\x0cchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked with a NUL": POST + HOST + b"Transfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked in quotes": POST + HOST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + SMUGGLED,
    "Chunked": POST + HOST + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "xchunked": POST + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked, chunked": POST + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked twice": POST + HOST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "gzip, chunked": POST + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked, identity": POST + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "identity": POST + HOST + b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc" + SMUGGLED,
    "chunked in HTTP/1.0": b"POST /a HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "chunked with an underscore": POST + HOST + b"Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "bare line feeds": b"GET /a HTTP/1.1\nHost: x\n\n" + SMUGGLED,
    "one bare line feed": GET + b"Host: x\nX: y\r\n\r\n" + SMUGGLED,
    "a bare carriage return": GET + b"Host: x\rX: y\r\n\r\n" + SMUGGLED,
    "a head that ends in line feeds": GET + HOST + b"\n" + SMUGGLED,
    "a folded field": GET + HOST + b"X: y\r\n Transfer-Encoding: chunked\r\n\r\n" + SMUGGLED,
    "a folded first field": GET + b" X: y\r\n" + HOST + b"\r\n" + SMUGGLED,
    "an empty name": GET + HOST + b": y\r\n\r\n" + SMUGGLED,
    "no colon": GET + HOST + b"X\r\n\r\n" + SMUGGLED,
    "a NUL in a name": GET + HOST + b"X\x00Y: z\r\n\r\n" + SMUGGLED,
    "a NUL in a value": GET + HOST + b"X: \x00\r\n\r\n" + SMUGGLED,
    "a control in a value": GET + HOST + b"X: \x01\r\n\r\n" + SMUGGLED,
    "a chunk extension": POST + HOST + CHUNKED + b"\r\n3;a=b\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk extension with a line feed": POST + HOST + CHUNKED + b"\r\n3;a\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a quoted chunk extension": POST + HOST + CHUNKED + b'\r\n3;a="\r\nabc\r\n0\r\n\r\n' + SMUGGLED,
    "a chunk size with a line feed": POST + HOST + CHUNKED + b"\r\n3\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk that ends in a line feed": POST + HOST + CHUNKED + b"\r\n3\r\nabc\n0\r\n\r\n" + SMUGGLED,
    "a chunk without an end": POST + HOST + CHUNKED + b"\r\n3\r\nabcXX0\r\n\r\n" + SMUGGLED,
    "a chunk size with 0x": POST + HOST + CHUNKED + b"\r\n0x3\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a signed chunk size": POST + HOST + CHUNKED + b"\r\n+3\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk size with blanks": POST + HOST + CHUNKED + b"\r\n 3 \r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "a huge chunk size": POST + HOST + CHUNKED + b"\r\n10000000000000003\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "an empty chunk size": POST + HOST + CHUNKED + b"\r\n\r\nabc\r\n0\r\n\r\n" + SMUGGLED,
    "zeros before a chunk size": POST + HOST + CHUNKED + b"\r\n0003\r\nabc\r\n000\r\n\r\n" + SMUGGLED,
    "a trailer": POST + HOST + CHUNKED + b"\r\n0\r\nX: y\r\n\r\n" + SMUGGLED,
    "a length as a trailer": POST + HOST + CHUNKED + b"\r\n0\r\nContent-Length: 30\r\n\r\n" + SMUGGLED,
    "no last line": POST + HOST + CHUNKED + b"\r\n0\r\n" + SMUGGLED,
    "two hosts": GET + HOST + b"Host: y\r\n\r\n" + SMUGGLED,
    "no host": GET + b"\r\n" + SMUGGLED,
    "absolute form": b"GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "absolute form of another host": b"GET http://y/a HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "authority form": b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a blank in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "two blanks": b"GET  /a HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a tab": b"GET\t/a HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "HTTP/0.9": b"GET /a\r\n" + SMUGGLED,
    "HTTP/1.2": b"GET /a HTTP/1.2\r\nHost: x\r\n\r\n" + SMUGGLED,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
    "an empty line before": b"\r\n" + GET + HOST + b"\r\n",
    "lower case": b"get /a HTTP/1.1\r\nHost: x\r\n\r\n" + SMUGGLED,
    "a body of a GET": GET + HOST + b"Content-Length: 3\r\n\r\nabc" + SMUGGLED,
    "a body cut short": POST + HOST + b"Content-Length: 30\r\n\r\nabc",
    "chunks cut short": POST + HOST + CHUNKED + b"\r\n5\r\nab",
    "half a head": GET + b"Ho",
    "an expectation": POST + HOST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc" + SMUGGLED,
    "an upgrade": POST + HOST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
    "the end of the connection": POST + HOST + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc" + SMUGGLED,
}
SPICE = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\x00",
    b"\x0b",
    b":",
    b";",
    b",",
    b"0\r\n\r\n",
    b"3",
    b"-",
    b"+",
    b"\xff",
    b"#",
    *CORPUS.values(),
]
FUZZ_S = 60
HOUR_S = 3600


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with doors(tmp_path_factory.mktemp("framing")) as both:
        yield both


@pytest.mark.parametrize("sent", CORPUS.values(), ids=list(CORPUS))
def test_we_take_bytes_for_what_nginx_takes_them_for_or_refuse_them(both, sent):
    ours, nginx = both
    statuses, got = ours.send(sent)

    assert nginx.send(sent)[1][: len(got)] == got
    assert statuses == [] or set(statuses[:-1]) <= {100, 200}  # a refusal is the last answer


@pytest.mark.parametrize("sent", CORPUS.values(), ids=list(CORPUS))
def test_it_makes_no_difference_where_bytes_are_cut(both, sent):
    ours, _ = both
    middle = len(sent) // 2

    assert ours.send(sent[:middle], sent[middle:])[1] == ours.send(sent)[1]


def fuzzed(both, seconds, seed):
    """Send what chance makes of the corpus, and return how often."""
    ours, nginx = both
    dice, until, count = random.Random(seed), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        sent = mutated(dice)
        statuses, got = ours.send(sent)
        if got:
            refused, behind_nginx = nginx.send(sent)
            assert behind_nginx[: len(got)] == got[: len(behind_nginx)], sent
            ended = refused[-1:] >= [400] or b"close" in sent.lower()  # nginx ends at any Connection with "close" in it
            assert len(behind_nginx) >= len(got) or ended, sent
        assert set(statuses[:-1]) <= {100, 200}, sent
        count += 1
    return count


def mutated(dice):
    sent = bytearray(dice.choice(list(CORPUS.values())))
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(sent) + 1)
        match dice.randrange(4):
            case 0:
                sent[place:place] = dice.choice(SPICE)
            case 1:
                del sent[place : place + dice.randrange(1, 4)]
            case 2:
                sent[place : place + 1] = bytes([dice.randrange(256)])
            case 3:
                other = dice.choice(list(CORPUS.values()))
                sent[place:] = other[dice.randrange(len(other)) :]
    return bytes(sent)


def test_nor_do_we_of_what_chance_makes_of_such_bytes(both):
    assert fuzzed(both, FUZZ_S, seed=time.time_ns()) > 100


@pytest.mark.torture
@pytest.mark.timeout(2 * HOUR_S)
def test_nor_do_we_in_an_hour(both):
    assert fuzzed(both, HOUR_S, seed=time.time_ns()) > 10_000
