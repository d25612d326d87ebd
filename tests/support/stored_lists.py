"""A second reader of bindings, revocations, outcomes and audit entries, written from docs/stored-formats.md alone."""

import hmac
import re

from support.reader import Refused
from support.stored_reader import context, form, lp16, lp32, one_of


def binding(keys, binding_id, raw):
    source = keys.checked("record", b"binding" + binding_id, raw)
    body = source.raw
    form(source)
    found = {
        "state": one_of(source.number(1), "pending", "active", "suspended", "retired"),
        "shut": source.flag(),
        "combine": one_of(source.number(1), "any", "all"),
        "max_stale_decrypt_s": source.number(1),
        "created": source.number(8),
        "updated": source.number(8),
        "environment": source.text16(),
        "org": source.text16(),
        "match": source.pairs(),
        "provider": source.text8(),
        "key": source.text16(),
        "options": source.pairs(),
        "show": source.texts(),
        "replaces": source.prefixed(1),
        "verification": _verification(source) if source.flag() else None,
    }
    source.end()
    return {**found, "id": binding_id, "sealed": lp32(binding_id + body)}


def binding_state(keys, binding_id, raw):
    """Since when a binding is in a state."""
    source = keys.checked("record", b"binding state" + binding_id, raw)
    form(source)
    found = {
        "state": one_of(source.number(1), "pending", "active", "suspended", "retired"),
        "shut": source.flag(),
        "since": source.number(8),
    }
    source.end()
    return found


def _verification(source):
    return {
        "verified": source.flag(),
        "checked": source.number(8),
        "since": source.number(8),
        "findings": [(source.flag(), *source.texts()) for _ in range(source.number(2))],
    }


def bindings(keys, partitions, environment, org, fields):
    """All of an organization."""
    seal = fields.pop(b"", b"")
    found = [binding(keys, each, raw) for each, raw in sorted(fields.items())]
    place = lp16(environment.encode()) + lp16(org.encode())
    sealed = b"".join(each["sealed"] for each in found)
    if not hmac.compare_digest(keys.digest("record", b"all bindings" + place + sealed), seal):
        raise Refused("seal")
    home = keys.home(environment, org, partitions)
    if any((each["environment"], each["org"], each["id"][:4]) != (environment, org, home) for each in found):
        raise Refused("of another organization")
    return found


def revocations(keys, environment, fields):
    """All of an environment."""
    seal, place = fields.pop(b"", b""), lp16(environment.encode())
    sealed = b"".join(lp32(each) + lp32(raw) for each, raw in sorted(fields.items()))
    if not hmac.compare_digest(keys.digest("record", b"all revocations" + place + sealed), seal):
        raise Refused("seal")
    return [_revocation(keys, place, each, raw) for each, raw in fields.items()]


def _revocation(keys, place, field, raw):
    source = keys.checked("record", b"revocation" + place + lp32(field), raw)
    form(source)
    before, expires, made = source.number(8), source.number(8), source.number(8)
    target = source.raw[source.at :]
    reach = one_of(source.number(1), "token", "subject", "issuer")
    found = {"reach": reach, "issuer": source.text16(), "of": source.text16()}
    source.end()
    if keys.digest("locator", b"revocation" + place + target) != field:
        raise Refused("place")
    return {**found, "before": before, "expires": expires, "made": made}


def limits(keys, environment, fields):
    """All that were set in an environment."""
    seal, place = fields.pop(b"", b""), lp16(environment.encode())
    sealed = b"".join(lp32(each) + lp32(raw) for each, raw in sorted(fields.items()))
    if not hmac.compare_digest(keys.digest("record", b"all limits" + place + sealed), seal):
        raise Refused("seal")
    if not all(re.fullmatch(rb"[A-Za-z0-9_-]{1,64}", org) for org in fields):
        raise Refused("organization")
    return {org.decode(): _limits(keys, place, org, raw) for org, raw in fields.items()}


def _limits(keys, place, org, raw):
    source = keys.checked("record", b"limits" + place + lp16(org), raw)
    form(source)
    pairs = [(source.flag(), source.number(8)) for _ in range(4)]
    source.end()
    if any(limit and not there for there, limit in pairs):
        raise Refused("limit")
    names = ("requests_per_second", "objects", "stored_bytes", "contexts")
    return {name: limit if there else None for name, (there, limit) in zip(names, pairs, strict=True)}


def outcome(keys, key, field, raw):
    source = keys.checked("record", b"outcome" + key + field, raw)
    form(source)
    found = {
        "committed": source.flag(),
        "started": source.number(8),
        "operation": source.take(16),
        "fingerprint": source.take(16),
        "object_id": source.take(16),
        "version_id": source.take(16),
        "org": source.text8(),
    }
    source.end()
    return found


def audit_entry(keys, partition, raw):
    source = keys.checked("audit", partition.to_bytes(2, "big"), raw)
    version = source.number(1)
    if version not in {1, 2}:
        raise Refused("version")
    found = {"operation": source.take(16), "attempt": source.number(1), "boot": source.take(8)}
    found |= {"counter": source.number(8), "missing": tuple(source.number(8) for _ in range(source.number(1)))}
    found |= {"refused": source.flag(), "action": source.text8(), "environment": source.text8(), "org": source.text8()}
    found |= {"issuer": source.text16(), "subject": source.text16(), "token_id": source.text16()}
    found |= {"source": source.text8(), "request_id": source.text8(), "target": source.text8()}
    named, found["name"] = source.flag(), source.text16()
    canonical = source.prefixed(2)
    found["context"] = context(canonical) if canonical else None
    found["keys"] = tuple((source.take(16), source.number(4)) for _ in range(source.number(1)))
    found |= {"provider": source.text8(), "reason": source.text16(), "detail": source.text8()}
    if version == 2:
        found["items"] = tuple((source.number(4), source.number(4)) for _ in range(source.number(2)))
        if not 1 <= len(found["items"]) <= 1_000:
            raise Refused("items")
    source.end()
    if named != bool(found["name"]):
        raise Refused("name form")
    return found


def events_of(entry):
    """The events of an entry, each by itself."""
    if "items" not in entry:
        return [entry]
    rest, batch, operation = {**entry}, entry["target"], entry["operation"][:12]
    items = rest.pop("items")
    return [
        {**rest, "operation": operation + place.to_bytes(4, "big"), "target": f"{batch}/{index}"}
        for place, index in items
    ]
