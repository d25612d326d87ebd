"""A second reader of stored records, written from docs/stored-formats.md alone: it shares no code with the server."""

import hashlib
import hmac
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from support.reader import Bytes, Refused, header, wraps

STORE_SCOPE = b"\0\0\0\0\0\x11\0\x08sealring\0\x05store"


def lp8(part):
    return len(part).to_bytes(1, "big") + part


def lp16(part):
    return len(part).to_bytes(2, "big") + part


def lp32(part):
    return len(part).to_bytes(4, "big") + part


def hkdf(key, info):
    return hmac.digest(key, info + b"\x01", "sha256")


class Source(Bytes):
    """Takes what the page has names for."""

    def flag(self):
        value = self.number(1)
        if value > 1:
            raise Refused("flag")
        return bool(value)

    def text8(self):
        return _text(self.prefixed(1))

    def text16(self):
        return _text(self.prefixed(2))

    def texts(self):
        return tuple(self.text16() for _ in range(self.number(2)))

    def pairs(self):
        texts = self.texts()
        if len(texts) % 2:
            raise Refused("pairs")
        return dict(zip(texts[::2], texts[1::2], strict=True))

    def rest(self):
        return self.take(len(self.raw) - self.at)

    @property
    def left(self):
        return self.at < len(self.raw)

    def end(self):
        if self.left:
            raise Refused("left over")


def _text(raw):
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Refused("no UTF-8") from None


def one_of(number, *names):
    """The name of a number from 1 on."""
    if not 1 <= number <= len(names):
        raise Refused("out of range")
    return names[number - 1]


def form(source, number=1):
    if source.number(1) != number:
        raise Refused("format")


def context(canonical):
    source, pairs = Source(canonical), []
    while source.left:
        pairs.append((source.text16(), source.text16()))
    if not 1 <= len(pairs) <= 10 or sorted({key for key, _ in pairs}) != [key for key, _ in pairs]:
        raise Refused("context")
    return dict(pairs)


class Keys:
    """What comes from the store key."""

    def __init__(self, store_key):
        purposes = ("locator", "record", "index", "audit", "etag")
        self._keys = {purpose: hkdf(store_key, b"sealring/v1/store/" + purpose.encode()) for purpose in purposes}
        self.pin = hkdf(store_key, b"sealring/v1/store/pin")

    def digest(self, purpose, message):
        return hmac.digest(self._keys[purpose], message, "sha256")[:16]

    def checked(self, purpose, place, raw):
        """What stands before the MAC."""
        body, mac = raw[:-16], raw[-16:]
        if not hmac.compare_digest(self.digest(purpose, place + body), mac):
            raise Refused("MAC")
        return Source(body)

    def home(self, environment, org, partitions):
        digest = self.digest("locator", b"home" + lp16(environment.encode()) + lp16(org.encode()))
        partition, tag = int.from_bytes(digest[:8], "big") % partitions, int.from_bytes(digest[8:], "big") % 2**20
        return (partition << 20 | tag).to_bytes(4, "big")


def layout(raw):
    source = Source(raw)
    form(source, 2)
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
    label = b"sealring/v1/layout\x02" + found["partitions"].to_bytes(2, "big")
    return label + found["store_id"] + found["kek_id"]


def marker(keys, partition, raw):
    """Store id and generation."""
    source = keys.checked("record", b"marker" + partition.to_bytes(2, "big"), raw)
    found = source.take(16), source.take(16)
    source.end()
    return found


def version(source):
    form(source)
    found = {
        "number": source.number(4),
        "created": source.number(8),
        "author": (source.text16(), source.text16()),
        "envelope": source.prefixed(4),
    }
    head = header(Source(found["envelope"]))
    return {**found, "id": head["version_id"], "head": head}


def stored_object(keys, partitions, object_id, raw):
    source = keys.checked("record", b"object" + object_id, raw)
    form(source)
    found = {
        "state": one_of(source.number(1), "live", "deleted"),
        "created": source.number(8),
        "updated": source.number(8),
        "revision": source.number(4),
        "oldest": source.number(4),
        "purge": source.number(8),
        "operation": source.take(16),
        "name": source.text16(),
        "context": context(canonical := source.prefixed(2)),
        "current": version(source),
    }
    source.end()
    head = found["current"]["head"]
    if head["object_id"] != object_id or head["context_hash"] != hashlib.sha256(canonical).digest():
        raise Refused("an envelope of something else")
    if keys.home(head["environment"], head["org"], partitions) != object_id[:4]:
        raise Refused("home")
    return found


def older_version(keys, object_id, version_id, raw):
    source = keys.checked("record", b"version" + object_id + version_id, raw)
    found = version(source)
    source.end()
    if (found["head"]["object_id"], found["id"]) != (object_id, version_id):
        raise Refused("an envelope of something else")
    return found


def summary(keys, object_id, raw):
    source = keys.checked("record", b"summary" + object_id, raw)
    found = {
        "id": source.take(16),
        "number": source.number(4),
        "created": source.number(8),
        "size": source.number(4),
        "etag": source.take(16),
    }
    source.end()
    return found


def summarized(keys, found):
    """The summary that a version has to have."""
    source = Source(found["envelope"])
    head = header(source)
    wraps(source, head["combine"])
    commitment, _nonce, ciphertext = source.take(32), source.take(12), source.prefixed(4)
    return {
        "id": found["id"],
        "number": found["number"],
        "created": found["created"],
        "size": len(ciphertext),
        "etag": keys.digest("etag", head["H"] + commitment),
    }


def member(keys, environment, org, score, raw):
    """Object id and name. `org`: None for the index of an environment."""
    whose = b"\0" if org is None else b"\1" + lp16(org.encode())
    source = keys.checked("index", lp16(environment.encode()) + whose + score.to_bytes(8, "big"), raw)
    return source.take(16), _text(source.rest())


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
