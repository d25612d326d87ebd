"""A second reader of keys, of the layout and of markers, written from docs/stored-formats.md alone."""

import hashlib
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from support.reader import Refused
from support.stored_reader import Source, form, hkdf, lp8, lp16, one_of

STORE_SCOPE = b"\0\0\0\0\0\x11\0\x08sealring\0\x05store"


def layout(raw):
    source = Source(raw)
    form(source, 3)
    found = {
        "partitions": source.number(2),
        "store_id": source.take(16),
        "kek_id": source.take(16),
        "version": source.number(4),
        "provider": source.text8(),
        "provider_key_id": source.text16(),
        "material": source.prefixed(2),
        "root": (source.text8(), source.number(4)),
        "alg": source.text8(),
        "wrapped": source.prefixed(2),
    }
    source.end()
    if not 1 <= found["partitions"] <= 4096:
        raise Refused("partitions")
    return found


def layout_aad(found):
    label = b"sealring/v1/layout\x03" + found["partitions"].to_bytes(2, "big")
    return label + found["store_id"] + found["kek_id"]


def marker(keys, partition, raw):
    """Store id and generation."""
    source = keys.checked("record", b"marker" + partition.to_bytes(2, "big"), raw)
    found = source.take(16), source.take(16)
    source.end()
    return found


def kek(keys, kek_id, raw):
    source = keys.checked("record", b"kek" + kek_id, raw)
    form(source)
    scope = source.prefixed(2)
    bound = (source.pairs(), source.texts()) if source.flag() else None
    versions = [_kek_version(source) for _ in range(source.number(2))]
    source.end()
    if not versions:
        raise Refused("no version")
    return {"scope": scope, "bound": bound, "versions": {each["number"]: each for each in versions}}


def _kek_version(source):
    return {
        "number": source.number(4),
        "state": one_of(source.number(1), "active", "decrypt only", "destroyed"),
        "created": source.number(8),
        "root": tuple(reversed((source.number(4), source.text8()))),
        "provider": source.text8(),
        "provider_key_id": source.text16(),
        "material": source.prefixed(2),
    }


def roots(text):
    """The root keys of `local`, by domain and epoch."""
    heading, *lines, last = text.splitlines(keepends=True)
    found = [re.fullmatch(r"([a-z][a-z0-9-]*) ([1-9][0-9]*) ([0-9a-f]{64})\n", line) for line in lines]
    body = heading + "".join(lines)
    if heading != "sealring local roots 1\n" or not found or None in found:
        raise Refused("roots")
    if last != f"sha256 {hashlib.sha256(body.encode()).hexdigest()}\n":
        raise Refused("roots")
    return {(each[1], int(each[2])): bytes.fromhex(each[3]) for each in found}


def local_kek(root_keys, version, scope):
    """The KEK of a version's material, of the provider `local`."""
    domain, epoch = version["root"]
    name, number = version["provider_key_id"].encode(), version["number"].to_bytes(4, "big")
    record = lp8(domain.encode()) + epoch.to_bytes(4, "big") + lp16(name) + number + scope
    return _opened(root_keys[version["root"]], b"sealring-local/v1/kek" + record, version["material"])


def local_unwrapped(kek_bytes, aad, blob):
    return _opened(kek_bytes, b"sealring-local/v1/dek" + aad, blob)


def _opened(key, info, blob):
    try:
        return AESGCM(hkdf(key, info)).decrypt(blob[:12], blob[12:], None)
    except (InvalidTag, ValueError):
        raise Refused("does not open") from None
