"""A second reader of stored records, written from docs/stored-formats.md alone: it shares no code with the server."""

import hashlib
import hmac
import re

from support.reader import Bytes, Refused, header, wraps

ORGANIZATIONS = {b"organization_id", b"organizationId"}  # keys of a context that name one


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


def form(source, known=1):
    if source.number(1) != known:
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
        purposes = ("locator", "record", "audit", "etag")
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


def head_of(keys, partitions, object_id, raw):
    """The head of an object, from the first bytes of its record, and the offset after the MAC of the head."""
    source = Source(raw)
    form(source, 2)
    state, created = one_of(source.number(1), "live", "deleted"), source.number(8)
    found = {"state": state, "created": created, "updated": created + number(source), "name": text(source)}
    found |= {"environment": f"environment_{ulid(source.take(16))}", "org": organization(source)}
    end = source.at
    keys.checked("record", b"head" + object_id, raw[: end + 16])
    if keys.home(found["environment"], found["org"], partitions) != object_id[:4]:
        raise Refused("home")
    return found, end + 16


def stored_object(keys, partitions, object_id, raw):
    source = keys.checked("record", b"object" + object_id, raw)
    head, source.at = head_of(keys, partitions, object_id, raw)
    found = {**head, "revision": number(source), "oldest": number(source)}
    found["purge"] = source.number(8) if head["state"] == "deleted" else 0
    operation = source.take(16) if source.flag() else None
    found["canonical"] = canonical_context(source, head["org"])
    found["context"] = context(found["canonical"])
    version_id = source.take(16)
    if operation == version_id:
        raise Refused("operation")
    found["operation"] = operation or version_id
    found["current"] = version(source, found, object_id, version_id)
    return found


def older_version(keys, found, object_id, version_id, raw):
    """A version of the object that was found under its id."""
    whose = lp16(found["environment"].encode()) + lp16(found["org"].encode())
    place = b"version" + object_id + version_id + whose + hashlib.sha256(found["canonical"]).digest()
    source = keys.checked("record", place, raw)
    form(source, 2)
    return version(source, found, object_id, version_id)


def version(source, found, object_id, version_id):
    """A version, with the whole envelope that it stands for."""
    combine = source.number(1)
    if combine not in {1, 2}:
        raise Refused("combine")
    told = {"number": number(source), "created": found["created"] + number(source), "author": author(source)}
    places = (found["environment"].encode(), found["org"].encode(), object_id, version_id)
    head = b"SLRG\x01\0\x01" + bytes([combine]) + version_id + source.take(16) + b"".join(map(lp16, places))
    head += hashlib.sha256(found["canonical"]).digest()
    whole = head + stored_wraps(source, combine) + source.take(44) + lp32(sealed := source.rest())
    if len(sealed) < 16:
        raise Refused("tag")
    return {**told, "envelope": whole, "id": version_id, "head": header(Source(whole))}


def number(source):
    found = shift = 0
    while True:
        part = source.number(1)
        found |= (part & 127) << shift
        if part < 128:
            break
        shift += 7
    if (shift and not part) or found >= 2**64:
        raise Refused("number")
    return found


def text(source):
    return _text(source.take(number(source)))


def ulid(raw):
    whole = int.from_bytes(raw, "big")
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[whole >> shift & 31] for shift in range(125, -1, -5))


def organization(source):
    size = source.number(1)
    if size == 0x80:
        return f"org_{ulid(source.take(16))}"
    org = _text(source.take(size))
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", org) or re.fullmatch(r"org_[0-7][0-9A-HJKMNP-TV-Z]{25}", org):
        raise Refused("organization")
    return org


def canonical_context(source, org):
    """The canonical form of a context."""
    inner, parts = Source(source.take(number(source))), []
    while inner.left:
        size = number(inner)
        if size == 0:
            parts += [b"organization_id", org.encode()]
            continue
        parts += [inner.take(size), inner.take(number(inner))]
        if parts[-2] == b"organization_id":
            raise Refused("form of a pair")
    named = {value for key, value in zip(parts[::2], parts[1::2], strict=True) if key in ORGANIZATIONS}
    if named != ({org.encode()} if org else set()):
        raise Refused("the context of another organization")
    return b"".join(map(lp16, parts))


def author(source):
    identity = text(source)
    size = number(source)
    if size == 0:
        return identity, identity
    name = _text(source.take(size - 1))
    if name == identity:
        raise Refused("author")
    return identity, name


def stored_wraps(source, combine):
    """Wraps as they are in an envelope."""
    count = source.number(1)
    return bytes([count]) + b"".join(_stored_wrap(source, index if combine == 2 else 0) for index in range(count))


def _stored_wrap(source, index):
    code = source.number(1)
    names = one_of(code, *ALGORITHMS) if code else (source.text8(), source.text8())
    if (not code and names in ALGORITHMS) or not all(1 <= len(each) <= 32 and each.isascii() for each in names):
        raise Refused("algorithm")
    kek_id, kek_version, blob = source.take(16), number(source), source.take(number(source))
    if kek_version >= 2**32:
        raise Refused("KEK version")
    provider, alg = (lp8(each.encode()) for each in names)
    return provider + kek_id + kek_version.to_bytes(4, "big") + alg + bytes([index]) + lp16(blob)


ALGORITHMS = (
    ("local", "hkdf-a256gcm"),
    ("hsm", "hsm-a256gcm"),
    ("hsm", "hsm-a256gcm-iv16"),
    ("awskms", "aws-symmetric-default"),
    ("azurekv", "azure-rsa-oaep-256"),
    ("azurekv", "azure-a256gcm"),
)


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
