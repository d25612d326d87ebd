"""An object id belongs to one organization: it carries the partition and a keyed tag of its owner.

Attacks "Separation of organizations" and "Binding" (SECURITY.md): a record that lies under an id of another
organization would be judged by that organization's epoch, and not by its own.
"""

import pytest

from adversary.scene import scene_on
from sealring.crypto.store_keys import StoreKeys
from sealring.domain.ids import ObjectId
from sealring.domain.principal import Caller
from sealring.errors import IntegrityFailure, NotFound
from support import stores
from support.make import ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, principal, services


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


WHOEVER_ASKS = {"the organization": (True, NotFound), "whoever may see all": (False, IntegrityFailure)}


@pytest.mark.parametrize("bit", [12, 31])
@pytest.mark.parametrize("how", ["read", "describe", "versions", "update", "delete"])
@pytest.mark.parametrize(("of_it", "failure"), WHOEVER_ASKS.values(), ids=WHOEVER_ASKS)
def test_a_record_under_another_organizations_tag_is_refused(valkey, monkeypatch, bit, how, of_it, failure):
    """Its MAC is right, its name and index are, and its value would open. To its organization, it cannot be theirs."""
    with scene_on(valkey, partitions=1) as scene:
        org = scene.organization()
        raw = bytearray(org.object().id.raw)
        raw[bit // 8] ^= 0x80 >> bit % 8
        monkeypatch.setattr(ObjectId, "new", lambda *_: ObjectId(bytes(raw)))
        org.object()
        granted = principal(org.id) if of_it else principal()
        who = Caller(granted, "request-1")  # in a hurry: the epoch would be another's, and never hold

        with pytest.raises(failure):
            asked_for(how, scene.watched.use, who, str(ObjectId(bytes(raw))))


def asked_for(how, use, who, object_id):
    if how == "update":
        use.objects.update(who, object_id, value="new", version_check=None, contexts=())
    elif how == "delete":
        use.objects.delete(who, object_id, version_check=None)
    else:
        use_case = use.versions.list if how == "versions" else getattr(use.objects, how)
        use_case(who, object_id)
