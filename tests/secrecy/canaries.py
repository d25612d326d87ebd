"""Canaries: strings that nothing else can hold, and a search for them in every encoding that a leak may take."""

import base64
import binascii
import secrets
from functools import cache
from urllib.parse import quote

ALPHABET = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def canary() -> str:
    """24 letters and digits: long enough to be unique, short enough for every field."""
    return "Cnry" + "".join(secrets.choice(ALPHABET) for _ in range(20))


@cache
def encodings(secret: bytes) -> dict[str, bytes]:
    """What `secret` looks like in each encoding, wherever it stands in a longer text."""
    found = {
        "raw": secret,
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        "url": quote(secret, safe="").encode(),
        "url-path": quote(secret).encode(),
        "url-all": b"".join(b"%%%02X" % byte for byte in secret),
        "repr": repr(secret)[2:-1].encode(),
        "base85": base64.b85encode(secret),
        "uu": binascii.b2a_uu(secret[:45]).strip(),
        "reversed": secret[::-1],
        **{f"base64-{offset}": _inside(base64.b64encode, secret, offset) for offset in range(3)},
        **{f"base64url-{offset}": _inside(base64.urlsafe_b64encode, secret, offset) for offset in range(3)},
    }
    if secret.isascii():
        found["json"] = "".join(f"\\u{byte:04x}" for byte in secret).encode()
        found["utf-16"] = secret.decode("ascii").encode("utf-16-le")
    first_of_each = {needle: name for name, needle in reversed(found.items())}
    return {name: needle for needle, name in first_of_each.items()}


def leaks(place: bytes, secrets_: dict[str, bytes]) -> list[str]:
    """Say which of the named secrets `place` holds, and how they are encoded."""
    return [
        f"{name} ({encoding})"
        for name, secret in secrets_.items()
        for encoding, needle in encodings(secret).items()
        if needle in place
    ]


def _inside(encode, secret, offset):
    """What is the same in each base64 text that holds `secret` at this offset: without the ends, which vary."""
    text = encode(bytes(offset) + secret + b"\0\0")
    first = -(-offset * 8 // 6)
    last = (offset + len(secret)) * 8 // 6
    return text[first:last]
