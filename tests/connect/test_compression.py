"""Compressed messages are read within the limit of a message, and answers are compressed for who asks."""

import base64
import gzip
import json
import struct
import zlib

import pytest

from connect.kit import ENCRYPT, PROTO, RING, USE, Vault, token


@pytest.fixture(scope="module")
def vault():
    return Vault()


GZIP = {"content-encoding": "gzip"}


def test_a_compressed_message_is_read_and_its_size_reserved(vault):
    sent = json.dumps(ENCRYPT).encode()
    asked = vault.asked("Encrypt", gzip.compress(sent), GZIP)

    assert vault.answer(asked).status == 200
    assert asked.reserved == len(sent)


def test_an_empty_body_is_never_decompressed(vault):
    everywhere = token(None, [*USE, "vault:all_organizations"])

    assert vault.raw("Encrypt", b"", {**PROTO, **GZIP}, bearer=everywhere).status == 200


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip", "GZIP2"])
def test_another_compression_is_unimplemented_and_the_answer_names_those_that_are(vault, coding):
    answer = vault.json("Encrypt", ENCRYPT, {"content-encoding": coding})

    assert answer.refusal == (501, "unimplemented")
    assert "gzip" in answer.json["message"]


GOOD = gzip.compress(json.dumps(ENCRYPT).encode())
_OF_48_BYTES = json.dumps(ENCRYPT).encode().ljust(48)  # zlib waits for more of the block that the size would begin
_UNENDED = zlib.compressobj(wbits=31)
NO_GZIP = {
    "no gzip": json.dumps(ENCRYPT).encode(),
    "too short": b"\x1f\x8b\x08",
    "cut off": GOOD[:-9] + GOOD[-8:],
    "a bit": GOOD[:20] + bytes([GOOD[20] ^ 1]) + GOOD[21:],
    "no end": _UNENDED.compress(_OF_48_BYTES) + _UNENDED.flush(zlib.Z_SYNC_FLUSH) + struct.pack("<I", 48),
    "a wrong checksum": GOOD[:-8] + b"\x00" * 4 + GOOD[-4:],
    "a lower size": GOOD[:-4] + struct.pack("<I", 5),
    "a higher size": GOOD[:-4] + struct.pack("<I", 500),
    "something after it": GOOD + GOOD,
    "zlib": zlib.compress(json.dumps(ENCRYPT).encode()),
}


@pytest.mark.parametrize("sent", NO_GZIP.values(), ids=list(NO_GZIP))
def test_what_is_no_gzip_of_one_message_is_an_invalid_argument(vault, sent):
    assert vault.raw("Encrypt", sent, GZIP).refusal == (400, "invalid_argument")


def test_a_message_that_decompresses_to_more_than_may_be_sent_is_not_decompressed(vault):
    bomb = gzip.compress(bytes(33 << 20), 9)
    asked = vault.asked("Encrypt", bomb, GZIP)

    assert vault.answer(asked).refusal == (429, "resource_exhausted")
    assert (len(bomb) < 100_000, asked.reserved) == (True, 0)


def test_a_message_over_the_limit_is_refused(vault):
    assert vault.raw("Encrypt", bytes((32 << 20) + 1)).refusal == (429, "resource_exhausted")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("br", None),
        ("gzip; q=0.0", None),
    ],
)
def test_an_answer_is_compressed_for_who_asks(vault, accepted, coding):
    answer = vault.json("Encrypt", {"keyring": RING, "data": 5_000 * "x"}, {"accept-encoding": accepted})

    assert answer.headers.get("Content-Encoding") == coding
    raw = gzip.decompress(answer.body) if coding else answer.body
    assert len(base64.b64decode(json.loads(raw)["encrypted"])) > 5_000


def test_neither_a_small_answer_nor_an_error_is_compressed(vault):
    accepts = {"accept-encoding": "gzip"}

    assert "Content-Encoding" not in vault.json("Encrypt", ENCRYPT, accepts).headers
    assert "Content-Encoding" not in vault.raw("Encrypt", b"", accepts).headers


@pytest.mark.parametrize(
    ("data", "times"),
    [("x" * 100_000, 0), ("\U0001f511" * 50_000, 2), ("\\ud83d\\udd11" * 9_000, 2), ("\u00e9" * 100, 0)],
)
def test_memory_is_reserved_for_what_large_texts_become(vault, data, times):
    sent = b'{"keyring": "org_acme/ring", "data": "' + data.encode() + b'"}'
    asked = vault.asked("Encrypt", sent)

    assert vault.answer(asked).status == 200
    assert asked.reserved == times * len(sent)
