"""The scanner bites: what it is meant to find, it finds, and in each encoding."""

import base64
import json
from urllib.parse import quote

import pytest

from secrecy.canaries import canary, encodings, leaks

SECRET = bytes.fromhex("00fffe80617b22275c0a3e3f2b2fc3a9f09f98800d7f01c0deadbeef00112233")

OF_BYTES = {
    "raw": bytes,
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
    "unpadded": lambda raw: base64.b64encode(raw).rstrip(b"="),
    "hex": lambda raw: raw.hex().encode(),
    "HEX": lambda raw: raw.hex().upper().encode(),
    "url": lambda raw: quote(raw).encode(),
    "url-all": lambda raw: b"".join(b"%%%02X" % byte for byte in raw),
    "repr": lambda raw: repr(raw).encode(),
}
OF_TEXTS = {
    "json": lambda text: json.dumps(f"é{text}\n").encode(),
    "json-all": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text).encode(),
    "utf-16": lambda text: text.encode("utf-16"),
    "base64": lambda text: base64.b64encode(f"value={text};".encode()),
}


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc"])
@pytest.mark.parametrize("after", [b"", b"y", b"yz", b"xyz"])
@pytest.mark.parametrize("encode", OF_BYTES.values(), ids=list(OF_BYTES))
def test_a_planted_secret_is_found_in_every_encoding(before, after, encode):
    place = b'{"at":"' + encode(before + SECRET + after) + b'"}'

    found = leaks(place, {"planted": SECRET})

    assert found


@pytest.mark.parametrize("encode", OF_TEXTS.values(), ids=list(OF_TEXTS))
def test_a_planted_canary_is_found_in_every_encoding_of_texts(encode):
    planted = canary()

    assert leaks(encode(planted), {"planted": planted.encode()})


def test_nothing_is_found_where_nothing_was_planted():
    assert leaks(json.dumps([canary() for _ in range(1000)]).encode(), {"other": canary().encode()}) == []


def test_every_needle_is_long_enough_to_be_no_chance():
    assert min(len(needle) for needle in encodings(canary().encode()).values()) >= 24
