"""An object id belongs to one organization: it carries the partition and a keyed tag of its owner.

Attacks "Separation of organizations" and "Binding" (SECURITY.md): a record that lies under an id of another
organization would be judged by that organization's epoch, and not by its own.
"""

import pytest

from adversary.scene import scene_on
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.ids import ObjectId
from sealring.errors import IntegrityFailure
from support import stores
from support.make import ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, services


@pytest.fixture
def store():
    return stores.on_fakeredis(partitions=64)


def tag_of(record):
    """The 20 bits that follow the 12 of the partition."""
    return int.from_bytes(record.id.raw[:4], "big") & 0xFFFFF


def sealed_in(store, org, environment=ENVIRONMENT, names=("a",)):
    use = services(store)
    made = context(organization_id=org)
    return [
        use.objects.create(caller(org, environment=environment), name=name, value="v", context=made) for name in names
    ]


def test_all_objects_of_an_organization_have_one_tag(store):
    records = sealed_in(store, "org_one", names=[f"name {number}" for number in range(8)])

    assert len({tag_of(record) for record in records}) == 1
    assert len({record.id.raw[4:] for record in records}) == 8


def test_organizations_differ_in_their_tags(store):
    records = [sealed_in(store, f"org_{number}")[0] for number in range(16)]

    assert len({tag_of(record) for record in records}) == 16


def test_one_organization_in_two_environments_has_two_tags(store):
    (here,) = sealed_in(store, "org_one")
    (there,) = sealed_in(store, "org_one", OTHER_ENVIRONMENT)

    assert tag_of(here) != tag_of(there)


def test_tag_and_partition_cannot_be_foretold_without_the_stores_key():
    """Who knows an organization's id cannot tell whose objects lie beside it, nor make ids that would."""
    two = [stores.on_links(stores.fake_links(), 64, StoreKeys(bytes([fill]) * 32)) for fill in (1, 2)]
    orgs = [f"org_{number}" for number in range(16)]

    first, second = ([sealed_in(store, org)[0] for org in orgs] for store in two)

    assert [record.id.partition for record in first] != [record.id.partition for record in second]
    assert all(tag_of(one) != tag_of(other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("bit", [12, 31])
@pytest.mark.parametrize("how", ["read", "describe", "versions", "update", "delete"])
def test_a_record_under_another_organizations_tag_is_refused(valkey, monkeypatch, bit, how):
    """Its MAC is right, its name and index are, and its value would open."""
    with scene_on(valkey, partitions=1) as scene:
        org = scene.organization()
        org.hurried = True  # its epoch would be another's, and never hold
        raw = bytearray(org.object().id.raw)
        raw[bit // 8] ^= 0x80 >> bit % 8
        monkeypatch.setattr(ObjectId, "new", lambda *_: ObjectId(bytes(raw)))
        use = scene.watched.use

        with pytest.raises(IntegrityFailure):
            org.object()
            asked_for(how, use, org, str(ObjectId(bytes(raw))))


def asked_for(how, use, org, object_id):
    if how == "update":
        use.objects.update(org.caller, object_id, value="new", version_check=None, contexts=())
    elif how == "delete":
        use.objects.delete(org.caller, object_id, version_check=None)
    else:
        use_case = use.versions.list if how == "versions" else getattr(use.objects, how)
        use_case(org.caller, object_id)
