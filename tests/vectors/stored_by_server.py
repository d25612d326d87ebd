"""What the server finds in a vector, as JSON."""

from dataclasses import fields

import fakeredis

from sealring.domain.codec import encode_envelope
from sealring.domain.ids import ObjectId
from sealring.domain.kek import KekState
from sealring.domain.layout import Layout
from sealring.store.bindings import RedisBindings
from sealring.store.connection.links import Links
from sealring.store.connection.topology import OneNode
from sealring.store.markers import Markers
from sealring.store.schema.audit_entry import decode_entry
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.limits_codec import LimitsCodec
from sealring.store.schema.records import Records
from sealring.store.schema.revocation_codec import RevocationCodec
from vectors.stored_readings import ENVIRONMENT, ORG, PARTITIONS, STORE_ID, fields_of, place_of, plain, raw_of


def by_the_server(keys, vector):
    """`keys`: its own StoreKeys."""
    return plain(_SERVERS[vector["kind"]](keys, vector, **place_of(vector)))


def records_of(keys):
    return Records(keys, Keyspace(PARTITIONS, keys).home)


def _layout_of(_keys, vector):
    layout = Layout.decode(raw_of(vector))
    assert layout.encode() == raw_of(vector)
    kek = layout.kek
    return {
        "partitions": layout.partitions,
        "store_id": layout.store_id,
        "kek_id": kek.kek_id,
        "version": kek.version,
        "provider": kek.provider,
        "provider_key_id": kek.provider_key_id,
        "material": kek.material,
        "root": (kek.root_domain, kek.root_epoch),
        "alg": layout.alg,
        "wrapped": layout.wrapped_store_key,
    }


def _marker_of(keys, vector, partition):
    server = fakeredis.FakeServer(server_type="valkey")
    links = Links(OneNode(lambda: fakeredis.FakeRedisConnection(server=server, protocol=2)))
    markers = Markers(links, Keyspace(PARTITIONS, keys), keys, STORE_ID)
    markers.check(partition, raw_of(vector))
    return {"generation": raw_of(vector)[16:32]}


def _version_of(version):
    header = version.envelope.header
    return {
        "id": version.id,
        "number": version.number,
        "created": version.created_at,
        "author": (version.author.id, version.author.name),
        "envelope": encode_envelope(version.envelope),
        "environment": header.environment,
        "org": header.org,
    }


def _object_of(keys, vector, object_id):
    records = records_of(keys)
    record = records.decode_object(ObjectId(object_id), raw_of(vector))
    assert records.encode_object(record) == raw_of(vector)
    return {
        "state": record.state.name.lower(),
        "created": record.created_at,
        "updated": record.updated_at,
        "environment": record.environment,
        "org": record.org,
        "revision": record.revision,
        "oldest": record.oldest,
        "purge": record.purge_at,
        "operation": record.operation,
        "name": record.name,
        "context": record.context.as_dict(),
        "current": _version_of(record.current),
    }


def _older_of(keys, vector, object_id, version_id):
    records = records_of(keys)
    record = records.decode_object(ObjectId(object_id), bytes.fromhex(vector["object"]))
    version = records.decode_version(record, version_id, raw_of(vector))
    assert records.encode_version(record, version) == raw_of(vector)
    return _version_of(version)


def _head_of(keys, vector, object_id):
    head = records_of(keys).decode_head(ObjectId(object_id), raw_of(vector))
    return {
        "state": head.state.name.lower(),
        "created": head.created_at,
        "updated": head.updated_at,
        "name": head.name,
        "environment": head.environment,
        "org": head.org,
    }


def _summary_of(keys, vector, object_id):
    records, place = records_of(keys), ObjectId(object_id)
    found = records.decode_summary(place, raw_of(vector))
    assert records.encode_summary(place, found) == raw_of(vector)
    names = {"id": found.id, "number": found.number, "created": found.created_at}
    return {**names, "size": found.size, "etag": found.etag}


_STATES = {KekState.ACTIVE: "active", KekState.DECRYPT_ONLY: "decrypt only", KekState.DESTROYED: "destroyed"}


def _kek_of(keys, vector, kek_id):
    records = records_of(keys)
    record = records.decode_kek(kek_id, raw_of(vector))
    assert records.encode_kek(record) == raw_of(vector)
    versions = [
        {
            "number": kek.version,
            "state": _STATES[kek.state],
            "created": kek.created_at,
            "root": (kek.root_domain, kek.root_epoch),
            "provider": kek.provider,
            "provider_key_id": kek.provider_key_id,
            "material": kek.material,
        }
        for kek in record.versions
    ]
    bound = record.bound and (dict(record.bound.options), record.bound.show)
    return {"scope": record.scope, "bound": bound, "versions": versions}


def _bindings_of(keys, vector):
    records, keyspace = records_of(keys), Keyspace(PARTITIONS, keys)
    store = RedisBindings(None, keyspace, None, records, None)
    found = store._decoded([part for field in fields_of(vector).items() for part in field], ENVIRONMENT, ORG)
    for each in found:
        assert records.encode_binding(each) == fields_of(vector)[each.id]
    return [_binding_of(each) for each in sorted(found, key=lambda each: each.id)]


def _state_of(keys, vector, binding_id):
    records = records_of(keys)
    found = records.decode_state(binding_id, raw_of(vector))
    assert records.encode_state(binding_id, found) == raw_of(vector)
    return {"state": found.state.name.lower(), "shut": found.shut, "since": found.at}


def _binding_of(binding):
    proved = binding.verification
    return {
        "state": binding.state.name.lower(),
        "shut": binding.shut,
        "combine": binding.combine.name.lower(),
        "max_stale_decrypt_s": binding.max_stale_decrypt_s,
        "created": binding.created_at,
        "updated": binding.updated_at,
        "environment": binding.environment,
        "org": binding.org,
        "match": dict(binding.match),
        "provider": binding.provider,
        "key": binding.key,
        "options": dict(binding.options),
        "show": binding.show,
        "replaces": binding.replaces,
        "verification": proved
        and {
            "verified": proved.verified,
            "checked": proved.checked_at,
            "since": proved.since,
            "findings": [(each.error, each.code, each.message, each.advice) for each in proved.findings],
        },
        "id": binding.id,
    }


def _revocations_of(keys, vector):
    codec = RevocationCodec(keys)
    found = codec.decode(ENVIRONMENT, fields_of(vector))
    assert codec.encode(ENVIRONMENT, found) == fields_of(vector)
    told = [
        {
            "reach": each.target.reach.name.lower(),
            "issuer": each.target.issuer,
            "of": each.target.of,
            "before": each.issued_before,
            "expires": each.expires_at,
            "made": each.made_at,
        }
        for each in found
    ]
    return sorted(told, key=lambda each: each["reach"])


def _limits_of(keys, vector):
    codec = LimitsCodec(keys)
    found = codec.decode(ENVIRONMENT, fields_of(vector))
    assert codec.encode(ENVIRONMENT, found) == fields_of(vector)
    return {org: {each.name: getattr(limits, each.name) for each in fields(limits)} for org, limits in found.items()}


def _outcome_of(keys, vector, place):
    records = records_of(keys)
    found = records.decode_outcome(place, raw_of(vector))
    assert records.encode_outcome(place, found) == raw_of(vector)
    return {
        "committed": found.committed,
        "started": found.started_at,
        "operation": found.operation,
        "fingerprint": found.fingerprint,
        "object_id": found.object_id,
        "version_id": found.version_id,
        "org": found.org,
    }


def _entry_of(keys, vector, partition):
    entry = decode_entry(keys, partition, raw_of(vector))
    event, origin = entry.event, entry.event.origin
    items = {"items": entry.items} if entry.items else {}
    return {
        **items,
        "operation": origin.operation,
        "attempt": origin.attempt,
        "boot": entry.boot,
        "counter": entry.counter,
        "missing": entry.refused,
        "refused": event.refused,
        "action": event.action.value,
        "environment": event.environment,
        "org": event.org,
        "issuer": origin.issuer,
        "subject": origin.subject,
        "token_id": origin.token_id,
        "source": origin.source,
        "request_id": origin.request_id,
        "target": event.target,
        "name": event.name,
        "context": event.context and event.context.as_dict(),
        "keys": event.keys,
        "provider": event.provider,
        "reason": event.reason,
        "detail": event.detail,
    }


_SERVERS = {
    "layout": _layout_of,
    "marker": _marker_of,
    "object": _object_of,
    "head": _head_of,
    "older version": _older_of,
    "summary": _summary_of,
    "KEK": _kek_of,
    "bindings": _bindings_of,
    "state of a binding": _state_of,
    "revocations": _revocations_of,
    "limits": _limits_of,
    "outcome": _outcome_of,
    "audit entry": _entry_of,
}
