"""What the other reader finds in a vector, as JSON: the same as the server, with which it shares no code."""

from sealring.domain.ids import EnvironmentId, OrgId
from support import stored_keys, stored_lists, stored_reader
from support.reader import header

ENVIRONMENT, ORG, PARTITIONS = EnvironmentId("environment_01J00000000000000000000000"), OrgId("org_acme"), 2
STORE_ID = bytes(15) + b"\1"


def plain(found):
    if isinstance(found, bytes):
        return found.hex()
    if isinstance(found, dict):
        return {str(plain(key)): plain(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [plain(each) for each in found]
    return found


def place_of(vector):
    """Its parts, those that are ids as bytes."""
    return {
        name: bytes.fromhex(part) if name.endswith(("id", "place")) else part for name, part in vector["place"].items()
    }


def fields_of(vector):
    return {bytes.fromhex(field): bytes.fromhex(raw) for field, raw in vector["fields"].items()}


def by_the_other_reader(keys, vector):
    return plain(_OTHERS[vector["kind"]](keys, vector, **place_of(vector)))


def raw_of(vector):
    return bytes.fromhex(vector["raw"])


def _version(found):
    head = header(stored_reader.Bytes(found["envelope"]))
    kept = {name: found[name] for name in ("id", "number", "created", "author", "envelope")}
    return {**kept, "environment": head["environment"], "org": head["org"]}


def _object(keys, vector, object_id):
    found = stored_reader.stored_object(keys, PARTITIONS, object_id, raw_of(vector))
    shown = {name: found[name] for name in found if name != "canonical"}
    return {**shown, "current": _version(found["current"])}


def _older(keys, vector, object_id, version_id):
    whole = stored_reader.stored_object(keys, PARTITIONS, object_id, bytes.fromhex(vector["object"]))
    return _version(stored_reader.older_version(keys, whole, object_id, version_id, raw_of(vector)))


def _kek(keys, vector, kek_id):
    found = stored_keys.kek(keys, kek_id, raw_of(vector))
    return {**found, "versions": list(found["versions"].values())}


def _bindings(keys, vector):
    found = stored_lists.bindings(keys, PARTITIONS, ENVIRONMENT, ORG, fields_of(vector))
    return [{name: each[name] for name in each if name != "sealed"} for each in found]


def _limits(keys, vector):
    return stored_lists.limits(keys, ENVIRONMENT, fields_of(vector))


def _revocations(keys, vector):
    return sorted(stored_lists.revocations(keys, ENVIRONMENT, fields_of(vector)), key=lambda each: each["reach"])


_OTHERS = {
    "layout": lambda _keys, vector: stored_keys.layout(raw_of(vector)),
    "marker": lambda keys, vector, partition: _pinned(stored_keys.marker(keys, partition, raw_of(vector))),
    "object": _object,
    "head": lambda keys, vector, object_id: stored_reader.head_of(keys, PARTITIONS, object_id, raw_of(vector))[0],
    "older version": _older,
    "state of a binding": lambda keys, vector, binding_id: stored_lists.binding_state(keys, binding_id, raw_of(vector)),
    "summary": lambda keys, vector, object_id: stored_reader.summary(keys, object_id, raw_of(vector)),
    "KEK": _kek,
    "bindings": _bindings,
    "revocations": _revocations,
    "limits": _limits,
    "outcome": lambda keys, vector, place: stored_lists.outcome(keys, place, b"", raw_of(vector)),
    "audit entry": lambda keys, vector, partition: stored_lists.audit_entry(keys, partition, raw_of(vector)),
}


def _pinned(found):
    store_id, generation = found
    if store_id != STORE_ID:
        raise stored_reader.Refused("another store")
    return {"generation": generation}
