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
KEEP_MATERIAL = make.local_material(ROOTS["keep", 1], "keep", 1, name_of(KEEP_KEK_ID), 1, stored.STORE_SCOPE, KEEP_KEK)


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
    yield "live, with an older version", obj()
    deleted = make.object_head(ENVIRONMENT, SHORT_ORG, state=2)
    own = b"\1" + bytes([0xF1]) * 16
    gone = make.object_rest(VERSION_IDS[1], VERSIONS[1], SHORT_CONTEXT, purge=u64(9_000), operation=own)
    yield "deleted", obj(deleted, gone)
    yield "of which older versions were dropped", obj(rest=_rest(oldest=2))
    yield "restored, so that its operation is none of a version", obj(rest=_rest(operation=own))
    yield "with large numbers", obj(rest=_rest(revision=2**32 - 1))
    named = make.version_body(2, SEALED[1][0], author=("alice", None))
    yield "whose author is called like its id", obj(rest=make.object_rest(VERSION_IDS[1], named, SHORT_CONTEXT))
    nameless = make.version_body(2, SEALED[1][0], author=("alice", ""))
    yield "whose author has no name", obj(rest=make.object_rest(VERSION_IDS[1], nameless, SHORT_CONTEXT))
    foreign = resealed(CONTEXT, code=b"\0\x05other\x08some-alg")
    yield "under a KEK of a provider without a code", obj(rest=make.object_rest(VERSION_IDS[1], foreign, SHORT_CONTEXT))
    yield "of an organization whose id is a ULID", _of_another(ULID_ORG, b"\x80" + make.ulid(ULID_ORG[4:]))
    yield "of no organization", _of_another("", b"\0", {"type": "card"})
    spelt = {"organizationId": ORG, "type": "card"}
    yield "of the other spelling of an organization", _of_another(ORG, SHORT_ORG, spelt)
    yield "that a list reads", head()
    yield "of the longest name", head(make.object_head(ENVIRONMENT, SHORT_ORG, name="\U0001f511" * 200))
    yield "an older version", older()
    yield "a summary", summary(SUMMARY)
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
    yield "format 2", whole("layout", layout(form=2))
    yield "no partition", whole("layout", layout(partitions=0))
    yield "too many partitions", whole("layout", layout(partitions=4097))
    yield "trailing bytes", whole("layout", layout() + b"\0")
    yield "truncated", whole("layout", layout()[:-1])
    yield "of another partition", marker(partition=0)
    yield "another generation under the same MAC", _altered(marker(), 20)
    yield "truncated", whole("marker", bytes.fromhex(marker()["raw"])[:-1], partition=1)


def refused_objects():
    yield "another MAC", _altered(obj(), -1)
    yield "of another object", {**obj(), "place": {"object_id": (HOME + bytes(12)).hex()}}
    yield "format 1", obj(make.object_head(ENVIRONMENT, SHORT_ORG, form=1))
    yield "format 3", obj(make.object_head(ENVIRONMENT, SHORT_ORG, form=3))
    yield "an unknown state", obj(make.object_head(ENVIRONMENT, SHORT_ORG, state=3))
    yield "a context that is not sorted", obj(rest=_rest(context=_unsorted()))
    yield "a context with its organization in words", obj(rest=_rest(context=_in_words()))
    yield "a context of no organization", obj(rest=_rest(context=make.short_context({"type": "card"})))
    yield "a context of another organization", obj(rest=_rest(context=make.short_context({"organizationId": "org_b"})))
    yield "no context", obj(rest=_rest(context=b"\0"))
    elsewhere = WRITER.keys.home(ENVIRONMENT, "org_beta", PARTITIONS) + bytes([0xC1]) * 12
    yield "the home of another organization", obj(object_id=elsewhere)
    yield "an organization in words that is a ULID", _of_another(ULID_ORG, b"\x1e" + ULID_ORG.encode())
    yield "an organization of other characters", _of_another("org acme", b"\x08org acme")
    yield "an operation that is the version's and written", obj(rest=_rest(operation=b"\1" + VERSION_IDS[1]))
    yield "an operation of neither form", obj(rest=_rest(operation=b"\2" + bytes(16)))
    yield "a number that is longer than it has to be", obj(rest=b"\x82\0" + REST[1:])
    yield "a number of more than 64 bits", obj(rest=b"\xff" * 9 + b"\2" + REST[1:])
    yield "a number without an end", obj(rest=b"\xff" * 11 + REST[1:])
    again = make.version_body(2, SEALED[1][0], author=("alice", "alice"))
    yield "an author whose name is its id, twice", obj(rest=make.object_rest(VERSION_IDS[1], again, SHORT_CONTEXT))
    combined = make.version_body(2, SEALED[1][0], combine=3)
    yield "an unknown way to combine", obj(rest=make.object_rest(VERSION_IDS[1], combined, SHORT_CONTEXT))
    for name, code in (
        ("an algorithm of no known code", b"\x07"),
        ("an algorithm in words that has a code", b"\0\x05local\x0chkdf-a256gcm"),
        ("an algorithm without a name", b"\0\x05local\0"),
    ):
        yield name, obj(rest=make.object_rest(VERSION_IDS[1], resealed(CONTEXT, code=code), SHORT_CONTEXT))
    yield "no ciphertext", obj(rest=REST[: -SEALED[1][2]])
    yield "half a tag", obj(rest=REST[: -SEALED[1][2] + 8])
    yield "cut off in a wrap", obj(rest=REST[:100])
    yield "cut off in its head", obj(HEAD[:20], b"")
    yield "of another version", older(version_id=VERSION_IDS[1])
    yield "of another object", older(object_id=HOME + bytes([0xC4]) * 12)
    yield "of another context", older(context={"organization_id": ORG})
    yield "of another format", older(form=1)
    yield "another MAC", _altered(older(), -1)
    yield "another MAC", _altered(summary(SUMMARY), -1)
    yield "trailing bytes", summary(SUMMARY + b"\0")
    yield "another name", _altered(head(), 13)
    yield "another MAC", _altered(head(), -1)
    yield "without the end of its MAC", {**head(), "raw": head()["raw"][:-2]}
    yield "of another object", {**head(), "place": {"object_id": (HOME + bytes(12)).hex()}}
    yield "the home of another organization", head(object_id=elsewhere)


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


def _rest(context=SHORT_CONTEXT, **options):
    return make.object_rest(VERSION_IDS[1], VERSIONS[1], context, **options)


def _of_another(org, short_org, context=None):
    """An object of another organization, whose form is `short_org`, in the place where it belongs."""
    pairs = {"organization_id": org, "type": "card"} if context is None else context
    object_id = WRITER.keys.home(ENVIRONMENT, org, PARTITIONS) + bytes([0xC1]) * 12
    rest = make.object_rest(VERSION_IDS[1], resealed(pairs, org, object_id), make.short_context(pairs))
    return obj(make.object_head(ENVIRONMENT, short_org), rest, object_id)


def _unsorted():
    return b"\x0b" + make.short_text("type") + make.short_text("card") + b"\0"


def _in_words():
    pairs = (
        make.short_text("organization_id") + make.short_text(ORG) + make.short_text("type") + make.short_text("card")
    )
    return make.number(len(pairs)) + pairs


# --- a backup


def file(kind, entries, made=MADE, **options):
    aad = b"sealring/v1/backup\x03" + u8(kind) + STORE_ID + u64(made)
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
    record = WRITER.object(OBJECT_ID, HEAD, REST)
    earlier = make.object_rest(VERSION_IDS[0], VERSIONS[0], SHORT_CONTEXT)
    gone = make.entry(2, HOME + bytes(12) + lp32(b""))
    first = make.entry(2, OBJECT_ID + lp32(WRITER.object(OBJECT_ID, HEAD, earlier)))
    last = make.entry(2, OBJECT_ID + lp32(record) + lp16(WRITER.summary(OBJECT_ID, SUMMARY)))
    version = WRITER.version(ENVIRONMENT, ORG, CONTEXT, OBJECT_ID, VERSION_IDS[0], u8(2) + VERSIONS[0])
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
    yield "format 2", data(form=2), keys()
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
