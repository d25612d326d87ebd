"""Versions: what an object's own key would open is still not the object's, if it was sealed for something else."""

from dataclasses import replace

import pytest

from sealring.domain.ids import uuid_text
from sealring.errors import IntegrityFailure
from sealring.keys.decisions import Decisions
from sealring.keys.keyring import Keyring, ManagedKeys
from sealring.keys.wrap_counts import WrapCounts
from sealring.services.sealing import Sealing
from support.make import ACME, BETA, OTHER_ENVIRONMENT, caller, context, gateway, services
from support.stores import on_parts, parts_on

ME = caller(ACME)


@pytest.mark.parametrize(
    ("who", "other"),
    [
        (ME, context(organization_id=ACME, type="card")),
        (caller(BETA), context(organization_id=BETA)),
        (caller(ACME, environment=OTHER_ENVIRONMENT), context()),
    ],
    ids=["context", "organization", "environment"],
)
def test_a_version_that_was_sealed_for_another_is_refused_although_its_record_is_ours(links, who, other):
    parts = parts_on(links, partitions=1)
    parts.markers.begin()
    store, keys = on_parts(parts), gateway()
    use = services(store, provider_gateway=keys)
    record = use.objects.create(ME, name="mine", value="one", context=context())
    keyring = Keyring(keys, store.keks, ManagedKeys("local"), WrapCounts(store.keks, keys.max_wraps))
    envelope, _ = Sealing(keyring, Decisions(store.bindings)).seal(b"other", record.id, other, who, None)
    version_id = envelope.header.version_id
    header = replace(record.current.envelope.header, message_id=envelope.header.message_id, version_id=version_id)
    stolen = replace(record.current, envelope=replace(envelope, header=header))
    raw = parts.records.encode_version(record, stolen)
    links.call((b"HSET", parts.keyspace.versions(record.id), version_id, raw))

    with pytest.raises(IntegrityFailure) as refused:
        use.versions.read(ME, str(record.id), uuid_text(version_id))

    assert refused.value.reason in {"the KEK of another organization", "wrapped key"}
