"""The records of the vectors: what each kind holds, and how it is written."""

import uuid

from support import stored_keys
from support import stored_writer as make
from support.stored_reader import lp16
from support.stored_writer import Writer, u8, u16, u32

ENVIRONMENT, ORG = "environment_01J00000000000000000000000", "org_acme"
CONTEXT = {"organization_id": ORG, "type": "card"}
PARTITIONS = 2
STORE_KEY = bytes([0x5C]) * 32
STORE_ID = uuid.UUID(int=0x1).bytes
ROOTS = {("data", 1): bytes([0xD0]) * 32, ("keep", 1): bytes([0xD1]) * 32}
KEK, KEEP_KEK = bytes([0xA1]) * 32, bytes([0xA2]) * 32
KEK_ID, KEEP_KEK_ID = (uuid.UUID(int=number).bytes for number in (0x2, 0x3))
VERSION_IDS = [bytes([0xD1 + number]) * 16 for number in range(2)]

WRITER = Writer(STORE_KEY)
HOME = WRITER.keys.home(ENVIRONMENT, ORG, PARTITIONS)
PARTITION = int.from_bytes(HOME, "big") >> 20
OBJECT_ID, BINDING_ID = HOME + bytes([0xC1]) * 12, HOME + bytes([0xC2, 0xC2, 0x80, 0xC2, 0x80] + [0xC2] * 7)
OWNER = lp16(ENVIRONMENT.encode()) + lp16(ORG.encode())
SCOPE = OWNER + lp16(make.canonical(CONTEXT))
PLACE = b"s1:{1}:i:" + bytes([0x1B]) * 16 + bytes([0x1C]) * 16


def name_of(kek_id):
    return str(uuid.UUID(bytes=kek_id))


ULID_ORG = "org_01JBENCH000000000000000000"
SHORT_ORG = b"\x08org_acme"
SHORT_CONTEXT = make.short_context(CONTEXT)
SEALED = [
    make.sealed(ENVIRONMENT, ORG, OBJECT_ID, VERSION_IDS[number], CONTEXT, value, KEK_ID, KEK)
    for number, value in enumerate(("one", "żółć"))
]
VERSIONS = [make.version_body(number + 1, SEALED[number][0], elapsed=1_000 * number) for number in range(2)]
HEAD = make.object_head(ENVIRONMENT, SHORT_ORG)
REST = make.object_rest(VERSION_IDS[1], VERSIONS[1], SHORT_CONTEXT)
SUMMARY = make.summary_body(WRITER.keys, VERSION_IDS[0], 1, 1_000, *SEALED[0][1:])
MATERIAL = make.local_material(ROOTS["data", 1], "data", 1, name_of(KEK_ID), 1, SCOPE, KEK)
KEK_VERSION = make.kek_version_body(name_of(KEK_ID), MATERIAL)
KEK_BODY = make.kek_body(SCOPE, KEK_VERSION)
BOUND = b"\1" + make.pairs({"region": "eu-west-1"}) + make.texts("kind")
BOUND_VERSION = make.kek_version_body("arn:aws:1", b"", created=0, root=("", 0), provider="awskms")
BOUND_KEK = make.kek_body(OWNER, BOUND_VERSION, bound=BOUND)
BINDING = make.binding_body(ENVIRONMENT, ORG, verification=make.VERIFIED)
TARGETS = [make.target(1, "urn:issuer", "token-1"), make.target(2, "urn:issuer", "alice"), make.target(3, "urn:issuer")]
EVENT = make.audit_body(
    "vault.object.updated",
    ENVIRONMENT,
    ORG,
    name="name",
    context=CONTEXT,
    keys=((KEK_ID, 1),),
    missing=(5, 6),
    detail="verified",
)
KEEP_MATERIAL = make.local_material(
    ROOTS["keep", 1], "keep", 1, name_of(KEEP_KEK_ID), 1, stored_keys.STORE_SCOPE, KEEP_KEK
)

LIMITS = {ORG: make.limits_body(None, 0, 1 << 53, 4), "org_b": make.limits_body(9, None, None, None)}


def layout(partitions=PARTITIONS, **options):
    aad = b"sealring/v1/layout\x03" + u16(partitions) + STORE_ID + KEEP_KEK_ID
    wrapped = make.local_wrapped(KEEP_KEK, aad, STORE_KEY)
    return make.layout(partitions, STORE_ID, KEEP_KEK_ID, name_of(KEEP_KEK_ID), KEEP_MATERIAL, wrapped, **options)


def bindings(bodies, environment=ENVIRONMENT, org=ORG, **seal):
    fields = {binding_id: WRITER.binding(binding_id, body) for binding_id, body in bodies.items()}
    return fields | {b"": seal.get("seal", WRITER.bindings_seal(environment, org, bodies))}


def revocations(targets, **options):
    fields = {}
    for each in targets:
        place = WRITER.revocation_place(ENVIRONMENT, each)
        fields[place] = WRITER.revocation(ENVIRONMENT, place, make.revocation_body(each, **options))
    return fields | {b"": WRITER.revocations_seal(ENVIRONMENT, fields)}


def limits(bodies, **place):
    fields = {org.encode(): WRITER.limits(ENVIRONMENT, place.get("org", org), body) for org, body in bodies.items()}
    return fields | {b"": WRITER.limits_seal(ENVIRONMENT, fields)}


def whole(kind, raw, **place):
    return {"kind": kind, "place": place, "raw": raw.hex()}


def fields(kind, mapping):
    return {"kind": kind, "place": {}, "fields": {key.hex(): value.hex() for key, value in mapping.items()}}


def obj(head=HEAD, rest=REST, object_id=OBJECT_ID):
    return whole("object", WRITER.object(object_id, head, rest), object_id=object_id.hex())


def head(raw=HEAD, object_id=OBJECT_ID):
    signed = WRITER.signed("record", b"head" + object_id, raw)
    return whole("head", signed, object_id=object_id.hex())


def resealed(context, org=ORG, object_id=OBJECT_ID, **options):
    """A version that is sealed for another context or organization, or as another algorithm."""
    body = make.sealed(ENVIRONMENT, org, object_id, VERSION_IDS[1], context, "one", KEK_ID, KEK, **options)
    return make.version_body(2, body[0])


def older(version=VERSIONS[0], version_id=VERSION_IDS[0], object_id=OBJECT_ID, form=2, context=CONTEXT):
    raw = WRITER.version(ENVIRONMENT, ORG, context, object_id, version_id, u8(form) + version)
    place = {"object_id": OBJECT_ID.hex(), "version_id": VERSION_IDS[0].hex()}
    return {**whole("older version", raw, **place), "object": WRITER.object(OBJECT_ID, HEAD, REST).hex()}


def summary(body):
    return whole("summary", WRITER.summary(OBJECT_ID, body), object_id=OBJECT_ID.hex())


def kek(body, kek_id=KEK_ID):
    return whole("KEK", WRITER.kek(kek_id, body), kek_id=kek_id.hex())


def binding_state(body, binding_id=BINDING_ID):
    raw = WRITER.binding_state(binding_id, body)
    return whole("state of a binding", raw, binding_id=BINDING_ID.hex())


def outcome(body):
    return whole("outcome", WRITER.outcome(PLACE, body), place=PLACE.hex())


def audit(body, partition=PARTITION):
    return whole("audit entry", WRITER.audit_entry(partition, body), partition=PARTITION)


def of_items(*items):
    """The body of an entry of items, each with its place and its index."""
    batch = make.audit_body("vault.item.encrypted", ENVIRONMENT, ORG, form=2, context=CONTEXT, keys=((KEK_ID, 1),))
    return batch + u16(len(items)) + b"".join(u32(place) + u32(index) for place, index in items)


def marker(partition=1, generation=bytes(range(16))):
    return whole("marker", WRITER.marker(partition, STORE_ID, generation), partition=1)


def rest(context=SHORT_CONTEXT, **options):
    return make.object_rest(VERSION_IDS[1], VERSIONS[1], context, **options)


def of_another(org, short_org, context=None):
    """An object of another organization, whose form is `short_org`, in the place where it belongs."""
    pairs = {"organization_id": org, "type": "card"} if context is None else context
    object_id = WRITER.keys.home(ENVIRONMENT, org, PARTITIONS) + bytes([0xC1]) * 12
    rest = make.object_rest(VERSION_IDS[1], resealed(pairs, org, object_id), make.short_context(pairs))
    return obj(make.object_head(ENVIRONMENT, short_org), rest, object_id)
