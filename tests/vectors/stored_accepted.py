"""Vectors of stored records that every reader has to read alike."""

from support import stored_writer as make
from support.stored_writer import u64
from vectors.stored_records import (
    BINDING,
    BINDING_ID,
    BOUND_KEK,
    CONTEXT,
    ENVIRONMENT,
    EVENT,
    HOME,
    KEK_BODY,
    KEK_ID,
    LIMITS,
    MATERIAL,
    OBJECT_ID,
    ORG,
    SCOPE,
    SEALED,
    SHORT_CONTEXT,
    SHORT_ORG,
    STORE_ID,
    SUMMARY,
    TARGETS,
    ULID_ORG,
    VERSION_IDS,
    VERSIONS,
    audit,
    binding_state,
    bindings,
    fields,
    head,
    kek,
    layout,
    limits,
    marker,
    name_of,
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


def accepted():
    yield "a layout", whole("layout", layout())
    yield "a marker", marker()
    yield "a marker of the first generation", marker(generation=STORE_ID)
    yield "live, with an older version", obj()
    deleted = make.object_head(ENVIRONMENT, SHORT_ORG, state=2)
    own = b"\1" + bytes([0xF1]) * 16
    gone = make.object_rest(VERSION_IDS[1], VERSIONS[1], SHORT_CONTEXT, purge=u64(9_000), operation=own)
    yield "deleted", obj(deleted, gone)
    yield "of which older versions were dropped", obj(rest=rest(oldest=2))
    yield "restored, so that its operation is none of a version", obj(rest=rest(operation=own))
    yield "with large numbers", obj(rest=rest(revision=2**32 - 1))
    named = make.version_body(2, SEALED[1][0], author=("alice", None))
    yield "whose author is called like its id", obj(rest=make.object_rest(VERSION_IDS[1], named, SHORT_CONTEXT))
    nameless = make.version_body(2, SEALED[1][0], author=("alice", ""))
    yield "whose author has no name", obj(rest=make.object_rest(VERSION_IDS[1], nameless, SHORT_CONTEXT))
    foreign = resealed(CONTEXT, code=b"\0\x05other\x08some-alg")
    yield "under a KEK of a provider without a code", obj(rest=make.object_rest(VERSION_IDS[1], foreign, SHORT_CONTEXT))
    yield "of an organization whose id is a ULID", of_another(ULID_ORG, b"\x80" + make.ulid(ULID_ORG[4:]))
    yield "of no organization", of_another("", b"\0", {"type": "card"})
    spelt = {"organizationId": ORG, "type": "card"}
    yield "of the other spelling of an organization", of_another(ORG, SHORT_ORG, spelt)
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
    yield "since it was suspended", binding_state(make.binding_state_body())
    yield "since it was active", binding_state(make.binding_state_body(state=2, shut=0))
    yield "of each reach", fields("revocations", revocations(TARGETS))
    yield "of none", fields("revocations", revocations([]))
    yield "of two organizations", fields("limits", limits(LIMITS))
    yield "of none", fields("limits", limits({}))
    yield "committed", outcome(make.outcome_body(OBJECT_ID, VERSION_IDS[1]))
    yield "running", outcome(make.outcome_body(bytes(16), bytes(16), committed=0))
    yield "of a change", audit(EVENT)
    refused = make.audit_body("vault.object.refused", ENVIRONMENT, "", refused=1)
    yield "of a refusal", audit(refused)
    yield "of one item of a batch", audit(of_items((3, 0)))
    yield "of items of a batch", audit(of_items((2, 0), (0, 300), (2**32 - 1, 7)))
