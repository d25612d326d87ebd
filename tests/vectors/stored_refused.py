"""Vectors of stored records that every reader has to refuse."""

from support import stored_writer as make
from vectors.stored_records import (
    BINDING,
    BINDING_ID,
    CONTEXT,
    ENVIRONMENT,
    EVENT,
    HEAD,
    HOME,
    KEEP_KEK_ID,
    KEK_BODY,
    KEK_VERSION,
    LIMITS,
    OBJECT_ID,
    ORG,
    PARTITION,
    PARTITIONS,
    REST,
    SCOPE,
    SEALED,
    SHORT_CONTEXT,
    SHORT_ORG,
    SUMMARY,
    TARGETS,
    ULID_ORG,
    VERSION_IDS,
    WRITER,
    audit,
    binding_state,
    bindings,
    fields,
    head,
    kek,
    layout,
    limits,
    marker,
    obj,
    of_another,
    of_items,
    older,
    outcome,
    resealed,
    rest,
    revocations,
    summary,
    whole,
)


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
    yield "a context that is not sorted", obj(rest=rest(context=_unsorted()))
    yield "a context with its organization in words", obj(rest=rest(context=_in_words()))
    yield "a context of no organization", obj(rest=rest(context=make.short_context({"type": "card"})))
    yield "a context of another organization", obj(rest=rest(context=make.short_context({"organizationId": "org_b"})))
    yield "no context", obj(rest=rest(context=b"\0"))
    elsewhere = WRITER.keys.home(ENVIRONMENT, "org_beta", PARTITIONS) + bytes([0xC1]) * 12
    yield "the home of another organization", obj(object_id=elsewhere)
    yield "an organization in words that is a ULID", of_another(ULID_ORG, b"\x1e" + ULID_ORG.encode())
    yield "an organization of other characters", of_another("org acme", b"\x08org acme")
    yield "an operation that is the version's and written", obj(rest=rest(operation=b"\1" + VERSION_IDS[1]))
    yield "an operation of neither form", obj(rest=rest(operation=b"\2" + bytes(16)))
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


def refused_states():
    yield "of another binding", binding_state(make.binding_state_body(), HOME + bytes(12))
    yield "an unknown state", binding_state(make.binding_state_body(state=5))
    yield "neither shut nor open", binding_state(make.binding_state_body(shut=2))
    yield "another format", binding_state(make.binding_state_body(form=2))
    yield "trailing bytes", binding_state(make.binding_state_body() + b"\0")
    yield "another MAC", _altered(binding_state(make.binding_state_body()), -1)


def refused_lists():
    yield "no seal", fields("bindings", {**bindings({BINDING_ID: BINDING}), b"": b""})
    yield "the seal of none", fields("bindings", bindings({BINDING_ID: BINDING}) | bindings({}))
    yield "an unknown state", fields("bindings", bindings({BINDING_ID: make.binding_body(ENVIRONMENT, ORG, state=5)}))
    yield "of another organization", fields("bindings", bindings({BINDING_ID: make.binding_body(ENVIRONMENT, "org_b")}))
    yield "an id of another home", fields("bindings", bindings({bytes(16): BINDING}))
    yield "another format", fields("bindings", bindings({BINDING_ID: make.binding_body(ENVIRONMENT, ORG, form=2)}))
    yield "trailing bytes", fields("bindings", bindings({BINDING_ID: BINDING + b"\0"}))
    yield from refused_states()
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
    yield "a version after that of items", audit(b"\3" + of_items((3, 0))[1:])
    yield "items in the version of one event", audit(b"\1" + of_items((3, 0))[1:])
    yield "no items", audit(of_items())
    yield "over a thousand items", audit(of_items(*((each, each) for each in range(1_001))))
    yield "an item too few", audit(of_items((3, 0), (4, 1))[:-8])
    yield "bytes after the items", audit(of_items((3, 0)) + b"\0")
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
    return b"\x0b" + make.short_text("type") + make.short_text("card") + b"\0"


def _in_words():
    pairs = (
        make.short_text("organization_id") + make.short_text(ORG) + make.short_text("type") + make.short_text("card")
    )
    return make.number(len(pairs)) + pairs
