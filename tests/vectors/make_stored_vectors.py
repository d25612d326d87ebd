"""Makes the vectors of stored records. From the first release on they may never change.

.venv/bin/python tests/vectors/make_stored_vectors.py > tests/vectors/stored-v1.json
"""

import json
import sys
import uuid
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import stored_reader as stored
from support import stored_writer as make
from support.stored_reader import lp16, lp32
from support.stored_writer import Writer, u8, u16, u64

ENVIRONMENT, ORG = "environment_01J00000000000000000000000", "org_acme"
CONTEXT = {"organization_id": ORG, "type": "card"}
PARTITIONS = 2
STORE_KEY = bytes([0x5C]) * 32
STORE_ID = uuid.UUID(int=0x1).bytes
ROOTS = {("data", 1): bytes([0xD0]) * 32, ("keep", 1): bytes([0xD1]) * 32}
KEK, KEEP_KEK = bytes([0xA1]) * 32, bytes([0xA2]) * 32
KEK_ID, KEEP_KEK_ID = (uuid.UUID(int=number).bytes for number in (0x2, 0x3))
VERSION_IDS = [bytes([0xD1 + number]) * 16 for number in range(2)]
MADE = 1_800_000_000_000_000

WRITER = Writer(STORE_KEY)
HOME = WRITER.keys.home(ENVIRONMENT, ORG, PARTITIONS)
PARTITION = int.from_bytes(HOME, "big") >> 20
OBJECT_ID, BINDING_ID = HOME + bytes([0xC1]) * 12, HOME + bytes([0xC2, 0xC2, 0x80, 0xC2, 0x80] + [0xC2] * 7)
OWNER = lp16(ENVIRONMENT.encode()) + lp16(ORG.encode())
SCOPE = OWNER + lp16(make.canonical(CONTEXT))
PLACE = b"s1:{1}:i:" + bytes([0x1B]) * 16 + bytes([0x1C]) * 16


def name_of(kek_id):
    return str(uuid.UUID(bytes=kek_id))


ENVELOPES = [
    make.envelope(ENVIRONMENT, ORG, OBJECT_ID, VERSION_IDS[number], CONTEXT, value, KEK_ID, KEK)
    for number, value in enumerate(("one", "żółć"))
]
VERSIONS = [make.version_body(number + 1, ENVELOPES[number], created=1_000 * (number + 1)) for number in range(2)]
OBJECT = make.object_body(VERSIONS[1], CONTEXT)
SUMMARY = make.summary_body(WRITER.keys, VERSION_IDS[0], 1, 1_000, ENVELOPES[0])
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
KEEP_MATERIAL = make.local_material(ROOTS["keep", 1], "keep", 1, name_of(KEEP_KEK_ID), 1, stored.STORE_SCOPE, KEEP_KEK)


LIMITS = {ORG: make.limits_body(None, 0, 1 << 53, 4), "org_b": make.limits_body(9, None, None, None)}


def layout(partitions=PARTITIONS, **options):
    aad = b"sealring/v1/layout\x02" + u16(partitions) + STORE_ID + KEEP_KEK_ID
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


def obj(body, object_id=OBJECT_ID):
    return whole("object", WRITER.object(object_id, body), object_id=object_id.hex())


def older(body, version_id=VERSION_IDS[0], object_id=OBJECT_ID):
    raw = WRITER.version(object_id, version_id, body)
    return whole("older version", raw, object_id=object_id.hex(), version_id=version_id.hex())


def summary(body):
    return whole("summary", WRITER.summary(OBJECT_ID, body), object_id=OBJECT_ID.hex())


def member(org, score=2_000):
    return whole("member", WRITER.member(ENVIRONMENT, org, score, OBJECT_ID, "name"), org=org, score=2_000)


def kek(body, kek_id=KEK_ID):
    return whole("KEK", WRITER.kek(kek_id, body), kek_id=kek_id.hex())


def outcome(body):
    return whole("outcome", WRITER.outcome(PLACE, body), place=PLACE.hex())


def audit(body, partition=PARTITION):
    return whole("audit entry", WRITER.audit_entry(partition, body), partition=PARTITION)


def marker(partition=1, generation=bytes(range(16))):
    return whole("marker", WRITER.marker(partition, STORE_ID, generation), partition=1)


def accepted():
    yield "a layout", whole("layout", layout())
    yield "a marker", marker()
    yield "a marker of the first generation", marker(generation=STORE_ID)
    yield "live, with an older version", obj(OBJECT)
    yield "deleted", obj(make.object_body(VERSIONS[1], CONTEXT, state=2, purge=9_000))
    yield "of which older versions were dropped", obj(make.object_body(VERSIONS[1], CONTEXT, oldest=2))
    yield "an older version", older(VERSIONS[0])
    yield "a summary", summary(SUMMARY)
    yield "in the index of an organization", member(ORG)
    yield "in the index of an environment", member(None)
    yield "managed, with one version", kek(KEK_BODY)
    gone = make.kek_version_body(name_of(KEK_ID), b"", number=1, state=3)
    old = make.kek_version_body(name_of(KEK_ID), MATERIAL, number=2, state=2, root=("data", 3))
    new = make.kek_version_body(name_of(KEK_ID), MATERIAL, number=3, root=("data", 3))
    yield "managed, in all states", kek(make.kek_body(SCOPE, gone, old, new))
    yield "of a binding", kek(BOUND_KEK, BINDING_ID)
    yield "of one binding", fields("bindings", bindings({BINDING_ID: BINDING}))
    other = HOME + bytes([0xC3, 0xC3, 0x80, 0xC3, 0x80] + [0xC3] * 7)
    waiting = make.binding_body(ENVIRONMENT, ORG, state=1, shut=1, match={"kind": "other"}, replaces=BINDING_ID)
    yield "of two bindings", fields("bindings", bindings({other: waiting, BINDING_ID: BINDING}))
    yield "of none any more", fields("bindings", bindings({}))
    yield "of each reach", fields("revocations", revocations(TARGETS))
    yield "of none", fields("revocations", revocations([]))
    yield "of two organizations", fields("limits", limits(LIMITS))
    yield "of none", fields("limits", limits({}))
    yield "committed", outcome(make.outcome_body(OBJECT_ID, VERSION_IDS[1]))
    yield "running", outcome(make.outcome_body(bytes(16), bytes(16), committed=0))
    yield "of a change", audit(EVENT)
    refused = make.audit_body("vault.object.refused", ENVIRONMENT, "", refused=1)
    yield "of a refusal", audit(refused)


def refused():
    for of_one_kind in (refused_of_the_store, refused_objects, refused_keks, refused_lists, refused_rest):
        yield from of_one_kind()


def refused_of_the_store():
    yield "format 1", whole("layout", layout(form=1))
    yield "no partition", whole("layout", layout(partitions=0))
    yield "too many partitions", whole("layout", layout(partitions=4097))
    yield "trailing bytes", whole("layout", layout() + b"\0")
    yield "truncated", whole("layout", layout()[:-1])
    yield "of another partition", marker(partition=0)
    yield "another generation under the same MAC", _altered(marker(), 20)
    yield "truncated", whole("marker", bytes.fromhex(marker()["raw"])[:-1], partition=1)


def refused_objects():
    yield "another MAC", _altered(obj(OBJECT), -1)
    yield "of another object", {**obj(OBJECT), "place": {"object_id": (HOME + bytes(12)).hex()}}
    yield "format 2", obj(make.object_body(VERSIONS[1], CONTEXT, form=2))
    yield "an unknown state", obj(make.object_body(VERSIONS[1], CONTEXT, state=3))
    yield "the envelope of another object", obj(OBJECT, HOME + bytes([0xC4]) * 12)
    yield "another context than the envelope's", obj(make.object_body(VERSIONS[1], {"organization_id": ORG}))
    yield "a context that is not sorted", obj(OBJECT.replace(*_unsorted()))
    elsewhere = WRITER.keys.home(ENVIRONMENT, "org_beta", PARTITIONS) + bytes([0xC1]) * 12
    stolen = make.envelope(ENVIRONMENT, ORG, elsewhere, VERSION_IDS[0], CONTEXT, "one", KEK_ID, KEK)
    yield "the home of another organization", obj(make.object_body(make.version_body(1, stolen), CONTEXT), elsewhere)
    yield "trailing bytes", obj(OBJECT + b"\0")
    yield "a version of another format", obj(make.object_body(make.version_body(2, ENVELOPES[1], form=2), CONTEXT))
    yield "of another version", older(VERSIONS[1])
    yield "of another object", older(VERSIONS[0], object_id=HOME + bytes([0xC4]) * 12)
    yield "another MAC", _altered(older(VERSIONS[0]), -1)
    yield "another MAC", _altered(summary(SUMMARY), -1)
    yield "trailing bytes", summary(SUMMARY + b"\0")
    yield "at another time", member(ORG, score=2_001)
    yield "in the index of another", {**member(ORG), "place": {"org": "org_beta", "score": 2_000}}
    yield "in the index of its environment", {**member(ORG), "place": {"org": None, "score": 2_000}}


def refused_keks():
    yield "no version", kek(make.kek_body(SCOPE))
    yield "another format", kek(make.kek_body(SCOPE, KEK_VERSION, form=2))
    yield "neither managed nor bound", kek(make.kek_body(SCOPE, KEK_VERSION, bound=b"\2"))
    yield "an unknown state", kek(make.kek_body(SCOPE, make.kek_version_body("name", b"", state=4)))
    yield "trailing bytes", kek(KEK_BODY + b"\0")
    yield "of another KEK", {**kek(KEK_BODY), "place": {"kek_id": KEEP_KEK_ID.hex()}}
    yield "an option without its value", kek(make.kek_body(SCOPE, KEK_VERSION, bound=b"\1\0\1\0\1x\0\0"))


def refused_lists():
    yield "no seal", fields("bindings", {**bindings({BINDING_ID: BINDING}), b"": b""})
    yield "the seal of none", fields("bindings", bindings({BINDING_ID: BINDING}) | bindings({}))
    yield "an unknown state", fields("bindings", bindings({BINDING_ID: make.binding_body(ENVIRONMENT, ORG, state=5)}))
    yield "of another organization", fields("bindings", bindings({BINDING_ID: make.binding_body(ENVIRONMENT, "org_b")}))
    yield "an id of another home", fields("bindings", bindings({bytes(16): BINDING}))
    yield "another format", fields("bindings", bindings({BINDING_ID: make.binding_body(ENVIRONMENT, ORG, form=2)}))
    yield "trailing bytes", fields("bindings", bindings({BINDING_ID: BINDING + b"\0"}))
    whole_list = revocations(TARGETS)
    one = next(iter(whole_list))
    yield "one taken out", fields("revocations", {place: raw for place, raw in whole_list.items() if place != one})
    yield "no seal", fields("revocations", {**whole_list, b"": b""})
    yield "an unknown reach", fields("revocations", revocations([make.target(4, "urn:issuer")]))
    yield "another format", fields("revocations", revocations(TARGETS, form=2))
    yield "one taken out", fields("limits", {org: raw for org, raw in limits(LIMITS).items() if org != ORG.encode()})
    yield "no seal", fields("limits", {**limits(LIMITS), b"": b""})
    yield "of another organization", fields("limits", limits(LIMITS, org="org_b"))
    yield "of no organization", fields("limits", limits({"org/b": make.limits_body(1, 2, 3, 4)}))
    yield "a limit that is not set", fields("limits", limits({ORG: _altered_body(make.limits_body(None, 2, 3, 4), 9)}))
    yield "neither set nor not", fields("limits", limits({ORG: _altered_body(make.limits_body(1, 2, 3, 4), 1, by=3)}))
    yield "another format", fields("limits", limits({ORG: make.limits_body(1, 2, 3, 4, form=2)}))
    yield "trailing bytes", fields("limits", limits({ORG: make.limits_body(1, 2, 3, 4) + b"\0"}))


def refused_rest():
    yield "another fingerprint under the same MAC", _altered(outcome(make.outcome_body(OBJECT_ID, bytes(16))), 30)
    yield "another format", outcome(make.outcome_body(OBJECT_ID, bytes(16), form=2))
    yield "trailing bytes", outcome(make.outcome_body(OBJECT_ID, bytes(16)) + b"\0")
    yield "of another partition", audit(EVENT, partition=1 - PARTITION)
    yield "another version", audit(b"\2" + EVENT[1:])
    yield "neither refused nor not", audit(make.audit_body("vault.object.read", ENVIRONMENT, ORG, refused=2))
    yield (
        "a name that is said to be none",
        audit(make.audit_body("vault.object.read", ENVIRONMENT, ORG, name="n", name_form=0)),
    )
    yield "no name that is said to be one", audit(make.audit_body("vault.object.read", ENVIRONMENT, ORG, name_form=1))
    yield "trailing bytes", audit(EVENT + b"\0")
    yield "another MAC", _altered(audit(EVENT), -1)


def _altered_body(body, place, by=1):
    return body[:place] + bytes((body[place] ^ by,)) + body[place + 1 :]


def _altered(vector, place):
    raw = bytearray.fromhex(vector["raw"])
    raw[place] ^= 1
    return {**vector, "raw": raw.hex()}


def _unsorted():
    one, other = (make.canonical({key: CONTEXT[key]}) for key in ("organization_id", "type"))
    return one + other, other + one


# --- a backup


def file(kind, entries, made=MADE, **options):
    aad = b"sealring/v1/backup\x02" + u8(kind) + STORE_ID + u64(made)
    key = bytes([0xB0 + kind]) * 32
    head = make.backup_head(kind, made, layout(), make.local_wrapped(KEEP_KEK, aad, key), **options)
    return head + make.chunks(head, key, b"".join(entries))


def counted(*numbers):
    return make.entry(7, b"".join(map(u64, numbers)))


def partition(number):
    return make.entry(1, u16(number))


def flat(mapping):
    return b"".join(lp32(part) for pair in mapping.items() for part in pair)


def of_data():
    record = WRITER.object(OBJECT_ID, OBJECT)
    gone = make.entry(2, HOME + bytes(12) + lp32(b""))
    first = make.entry(2, OBJECT_ID + lp32(WRITER.object(OBJECT_ID, make.object_body(VERSIONS[0], CONTEXT))))
    last = make.entry(2, OBJECT_ID + lp32(record) + lp16(WRITER.summary(OBJECT_ID, SUMMARY)))
    version = WRITER.version(OBJECT_ID, VERSION_IDS[0], VERSIONS[0])
    return (
        make.entry(6, lp16(b"1700000000000-0") + lp32(b"e") + lp32(WRITER.audit_entry(PARTITION, EVENT))),
        first,
        gone,
        last,
        make.entry(3, OBJECT_ID + VERSION_IDS[0] + lp32(version)),
        make.entry(5, lp16(f"{ENVIRONMENT}:{ORG}".encode()) + flat(bindings({BINDING_ID: BINDING}))),
        make.entry(9, BINDING_ID + lp32(WRITER.kek(BINDING_ID, BOUND_KEK))),
    )


def of_keys():
    digest = WRITER.keys.digest("locator", b"scope" + SCOPE)
    counts = b"".join(map(lp16, (b"w1", b"2", b"d1", b"1")))
    return (
        make.entry(4, b"k" + lp16(KEK_ID) + lp32(WRITER.kek(KEK_ID, KEK_BODY)) + counts),
        make.entry(4, b"c" + lp16(digest) + lp32(KEK_ID)),
    )


def placed(entries, also=()):
    """The entries of each partition, those of the organization in its own; `also`: in that of no organization."""
    none = int.from_bytes(WRITER.keys.home(ENVIRONMENT, "", PARTITIONS), "big") >> 20
    for number in range(PARTITIONS):
        yield partition(number)
        yield from entries if number == PARTITION else ()
        yield from also if number == none else ()


REVOCATIONS = make.entry(8, lp16(ENVIRONMENT.encode()) + flat(revocations(TARGETS)))
LIMITS_ENTRY = make.entry(10, lp16(ENVIRONMENT.encode()) + flat(limits(LIMITS)))
DATA_END, KEYS_END = counted(1, 1, 1, 0, 1, 1, 3), counted(0, 0, 1, 1, 0, 0, 0)


def data(*end, **options):
    return file(1, (*placed(of_data(), (REVOCATIONS, LIMITS_ENTRY)), *(end or (DATA_END,))), **options)


def keys(*end, **options):
    return file(2, (*placed(of_keys()), *(end or (KEYS_END,))), **options)


def refused_backups():
    yield "format 1", data(form=1), keys()
    yield "data for key records", keys(), keys()
    yield "key records for data", data(), data()
    yield "key records of an earlier time", data(), keys(made=MADE - 1)
    yield "another kind in the head", data()[:7] + b"\2" + data()[8:], keys()
    yield "another time in the head", data()[:15] + b"\1" + data()[16:], keys()
    yield "no end", data(b""), keys()
    yield "other counts", data(counted(2, 1, 1, 0, 1, 1, 3)), keys()
    yield "an entry after the end", data(DATA_END, partition(2)), keys()
    yield "one partition", data(), file(2, (partition(0), counted(0, 0, 0, 0, 0, 0, 0)))
    yield "an unknown entry", data(make.entry(11, b""), DATA_END), keys()
    yield "a byte too many", data() + b"\0", keys()
    yield "cut off", data()[:-1], keys()


def main():
    pin = WRITER.keys.pin.hex()
    vectors = {
        "store_key": STORE_KEY.hex(),
        "store_id": STORE_ID.hex(),
        "environment": ENVIRONMENT,
        "org": ORG,
        "partitions": PARTITIONS,
        "home": HOME.hex(),
        "accept": [{"name": name, **vector, "holds": holds(vector)} for name, vector in accepted()],
        "refuse": [{"name": name, **vector} for name, vector in refused()],
        "backup": {
            "roots": make.root_file(ROOTS),
            "pin": f"sealring store pin 1\nstore {uuid.UUID(bytes=STORE_ID)}\nkey {pin}\n",
            "data": data().hex(),
            "keys": keys().hex(),
            "sha256": [sha256(each).hexdigest() for each in (data(), keys())],
            "values": {VERSION_IDS[0].hex(): "one", VERSION_IDS[1].hex(): "żółć"},
            "refuse": [
                {"name": name, "data": one.hex(), "keys": other.hex()} for name, one, other in refused_backups()
            ],
        },
    }
    sys.stdout.write(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")


def holds(vector):
    """What a reader has to find, as JSON."""
    from vectors.stored_readings import by_the_other_reader  # noqa: PLC0415  it reads what is made here

    return by_the_other_reader(WRITER.keys, vector)


if __name__ == "__main__":
    main()
