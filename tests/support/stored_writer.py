"""A second writer of stored records, made from docs/stored-formats.md alone, for vectors: nothing of it is random."""

from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from support import stored_reader as stored
from support.reader import expand, local_key, wrap_aad
from support.stored_reader import lp8, lp16, lp32

NONCE = bytes([0x91]) * 12
DEK = bytes(range(32))


def u8(number):
    return number.to_bytes(1, "big")


def u16(number):
    return number.to_bytes(2, "big")


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


def text8(text):
    return lp8(text.encode())


def text16(text):
    return lp16(text.encode())


def texts(*each):
    return u16(len(each)) + b"".join(map(text16, each))


def pairs(mapping):
    return texts(*(text for pair in sorted(mapping.items()) for text in pair))


def canonical(mapping):
    return b"".join(text16(key) + text16(value) for key, value in sorted(mapping.items()))


def sealed_under(key, info, plaintext):
    return NONCE + AESGCM(stored.hkdf(key, info)).encrypt(NONCE, plaintext, None)


def local_material(root_key, domain, epoch, name, number, scope, kek):
    info = lp8(domain.encode()) + u32(epoch) + text16(name) + u32(number) + scope
    return sealed_under(root_key, b"sealring-local/v1/kek" + info, kek)


def local_wrapped(kek, aad, secret):
    return sealed_under(kek, b"sealring-local/v1/dek" + aad, secret)


def root_file(keys):
    lines = "sealring local roots 1\n" + "".join(
        f"{domain} {epoch} {key.hex()}\n" for (domain, epoch), key in sorted(keys.items())
    )
    return f"{lines}sha256 {sha256(lines.encode()).hexdigest()}\n"


def number(value):
    low = []
    while value > 127:
        low.append(value & 127 | 128)
        value >>= 7
    return bytes([*low, value])


def short_text(text):
    return number(len(text.encode())) + text.encode()


def ulid(text):
    whole = 0
    for character in text:
        whole = whole << 5 | "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)
    return whole.to_bytes(16, "big")


def short_context(mapping):
    pairs = [
        b"\0" if key == "organization_id" else short_text(key) + short_text(value)
        for key, value in sorted(mapping.items())
    ]
    return number(len(b"".join(pairs))) + b"".join(pairs)


def sealed(environment, org, object_id, version_id, context, value, kek_id, kek, *, code=b"\1"):
    """What a version holds after its author, and the etag of it: the header of its envelope is only computed."""
    places = b"".join(lp16(part) for part in (environment.encode(), org.encode(), object_id, version_id))
    message_id = version_id + bytes([0xE1]) * 16
    head = b"SLRG\x01\0\x01\x01" + message_id + places + sha256(canonical(context)).digest()
    known = {"H": head, "message_id": message_id, "suite": 1}
    aad = wrap_aad(known, {"kek_id": kek_id, "kek_version": 1, "share_index": 0})
    blob = NONCE + AESGCM(local_key(kek, aad)).encrypt(NONCE, DEK, None)
    wraps = b"\x01" + code + kek_id + number(1) + number(len(blob)) + blob
    commitment = expand(DEK, known, b"sealring/v1/commit")
    ciphertext = AESGCM(expand(DEK, known, b"sealring/v1/enc")).encrypt(NONCE, value.encode(), head + commitment)
    return message_id[16:] + wraps + commitment + NONCE + ciphertext, head + commitment, len(ciphertext)


class Writer:
    """Records with the MACs of one store."""

    def __init__(self, store_key):
        self.keys = stored.Keys(store_key)

    def signed(self, purpose, place, body):
        return body + self.keys.digest(purpose, place + body)

    def marker(self, partition, store_id, generation):
        return self.signed("record", b"marker" + u16(partition), store_id + generation)

    def object(self, object_id, head, rest):
        start = self.signed("record", b"head" + object_id, head)
        return self.signed("record", b"object" + object_id, start + rest)

    def version(self, environment, org, context, object_id, version_id, body):
        shared = text16(environment) + text16(org) + sha256(canonical(context)).digest()
        return self.signed("record", b"version" + object_id + version_id + shared, body)

    def summary(self, object_id, body):
        return self.signed("record", b"summary" + object_id, body)

    def kek(self, kek_id, body):
        return self.signed("record", b"kek" + kek_id, body)

    def binding(self, binding_id, body):
        return self.signed("record", b"binding" + binding_id, body)

    def binding_state(self, binding_id, body):
        return self.signed("record", b"binding state" + binding_id, body)

    def bindings_seal(self, environment, org, bodies):
        sealed = b"".join(lp32(binding_id + body) for binding_id, body in sorted(bodies.items()))
        return self.keys.digest("record", b"all bindings" + text16(environment) + text16(org) + sealed)

    def revocation_place(self, environment, target):
        return self.keys.digest("locator", b"revocation" + text16(environment) + target)

    def revocation(self, environment, place, body):
        return self.signed("record", b"revocation" + text16(environment) + lp32(place), body)

    def revocations_seal(self, environment, fields):
        sealed = b"".join(lp32(place) + lp32(raw) for place, raw in sorted(fields.items()))
        return self.keys.digest("record", b"all revocations" + text16(environment) + sealed)

    def limits(self, environment, org, body):
        return self.signed("record", b"limits" + text16(environment) + text16(org), body)

    def limits_seal(self, environment, fields):
        sealed = b"".join(lp32(org) + lp32(raw) for org, raw in sorted(fields.items()))
        return self.keys.digest("record", b"all limits" + text16(environment) + sealed)

    def outcome(self, place, body):
        return self.signed("record", b"outcome" + place, body)

    def audit_entry(self, partition, body):
        return self.signed("audit", u16(partition), body)


def object_head(environment, org, *, form=2, state=1, created=1_000, updated=2_000, name="name"):
    """`org`: in its short form."""
    elapsed = number(updated - created)
    return u8(form) + u8(state) + u64(created) + elapsed + short_text(name) + ulid(environment[12:]) + org


def object_rest(version_id, version, context, *, oldest=1, purge=b"", operation=b"\0", revision=2):
    return number(revision) + number(oldest) + purge + operation + context + version_id + version


def version_body(count, sealed, *, combine=1, elapsed=1_000, author=("alice", "Alice")):
    """`sealed`: what is sealed of it; `elapsed`: since its object was created."""
    identity, name = author
    named = b"\0" if name is None else number(len(name.encode()) + 1) + name.encode()
    return u8(combine) + number(count) + number(elapsed) + short_text(identity) + named + sealed


def summary_body(keys, version_id, count, created, told, size):
    return version_id + u32(count) + u64(created) + u32(size) + keys.digest("etag", told)


def kek_version_body(name, material, *, number=1, state=1, created=1_000, root=("data", 1), provider="local"):
    domain, epoch = root
    head = u32(number) + u8(state) + u64(created) + u32(epoch) + text8(domain)
    return head + text8(provider) + text16(name) + lp16(material)


def kek_body(scope, *versions, bound=b"\0", form=1):
    return u8(form) + lp16(scope) + bound + u16(len(versions)) + b"".join(versions)


def binding_body(environment, org, *, form=1, state=2, shut=0, verification=b"\0", match=None, replaces=b""):
    head = u8(form) + u8(state) + u8(shut) + u8(2) + u8(60) + u64(1_000) + u64(2_000)
    named = text16(environment) + text16(org) + pairs(match or {"kind": "card"}) + text8("awskms") + text16("arn:aws:1")
    return head + named + pairs({"region": "eu-west-1"}) + texts("kind") + lp8(replaces) + verification


VERIFIED = b"\1\1" + u64(1_500) + u64(1_400) + u16(1) + b"\0" + texts("rotation_off", "It is off.", "Turn it on.")


def target(reach, issuer, of=""):
    return u8(reach) + text16(issuer) + text16(of)


def limits_body(*limits, form=1):
    """Requests per second, objects, bytes, contexts; None: not set."""
    return u8(form) + b"".join(u8(limit is not None) + u64(limit or 0) for limit in limits)


def binding_state_body(*, form=1, state=3, shut=1, since=3_000):
    return u8(form) + u8(state) + u8(shut) + u64(since)


def revocation_body(target, *, form=1, before=1_700_000_000, expires=1_800_000_000, made=3_000):
    return u8(form) + u64(before) + u64(expires) + u64(made) + target


def outcome_body(object_id, version_id, *, form=1, committed=1, org="org_acme"):
    ids = bytes([0xF1]) * 16 + bytes([0xF2]) * 16 + object_id + version_id
    return u8(form) + u8(committed) + u64(2_000) + ids + text8(org)


def audit_body(
    action,
    environment,
    org,
    *,
    form=1,
    refused=0,
    name="",
    context=None,
    keys=(),
    missing=(),
    name_form=None,
    detail="",
):
    head = u8(form) + bytes([0xA1]) * 16 + u8(1) + bytes([0xB0]) * 8 + u64(7) + u8(len(missing))
    who = text16("urn:issuer") + text16("alice") + text16("token-1") + text8("private") + text8("request-1")
    told = u8(bool(name) if name_form is None else name_form) + text16(name)
    return b"".join(
        (
            head,
            *map(u64, missing),
            u8(refused),
            text8(action) + text8(environment) + text8(org),
            who,
            text8("target"),
            told,
            lp16(b"" if context is None else canonical(context)),
            u8(len(keys)),
            *(kek_id + u32(version) for kek_id, version in keys),
            text8("AWS_KMS") + text16("a reason") + text8(detail),
        )
    )


def layout(partitions, store_id, kek_id, kek_name, material, wrapped, *, form=3, provider="local", epoch=1):
    head = u8(form) + u16(partitions) + store_id + kek_id + u32(1) + text8(provider) + text16(kek_name)
    return head + lp16(material) + text8("keep") + u32(epoch) + text8("hkdf-a256gcm") + lp16(wrapped)


def backup_head(kind, made, layout, wrapped, *, form=3):
    inner = u8(kind) + u64(made) + lp16(layout) + text8("hkdf-a256gcm") + lp16(wrapped)
    return b"SLRB" + u8(form) + lp16(inner)


def chunks(head, key, stream, size=65_536):
    cipher = AESGCM(stored.hkdf(key, b"sealring/v1/chunks" + sha256(head).digest()))
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    return b"".join(
        cipher.encrypt(number.to_bytes(12, "big"), piece, u64(number) + u8(number == len(pieces) - 1))
        for number, piece in enumerate(pieces)
    )


def entry(code, body):
    return lp32(u8(code) + body)
