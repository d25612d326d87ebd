"""What every store promises, through the use cases: names, organizations, keys and events."""

from dataclasses import replace

import pytest

from sealring.domain.events import Action, Event
from sealring.domain.ids import Home, ObjectId, uuid_text
from sealring.domain.kek import KekUse
from sealring.domain.ports import ItemEvents
from sealring.errors import AmbiguousName, NameTaken, NotFound
from store.contract_kit import ME, created, updated
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, services


@pytest.fixture
def use(store):
    return services(store)


def test_a_created_object_is_read_with_its_value(use):
    record = created(use, value="żółć")

    assert use.objects.read(ME, str(record.id)).value == "żółć"


def test_a_created_object_is_read_by_its_name(use):
    record = created(use, name="a/b c é")

    assert use.objects.read_by_name(ME, "a/b c é", None).record.id == record.id


def test_an_object_that_never_was_is_not_found(use):
    with pytest.raises(NotFound):
        use.objects.read(ME, str(ObjectId.new(Home.of(0, 0))))


@pytest.mark.parametrize("who", [ME, caller()], ids=["of one organization", "of all"])
@pytest.mark.parametrize("partition", [4, 4095])
def test_an_id_of_a_partition_that_does_not_exist_is_not_found(use, who, partition):
    nowhere = str(ObjectId.new(Home.of(partition, 0)))

    for ask in (
        lambda: use.objects.read(who, nowhere),
        lambda: use.objects.delete(who, nowhere, version_check=None),
        lambda: use.versions.list(who, nowhere),
    ):
        with pytest.raises(NotFound):
            ask()


def test_a_name_is_taken_once_in_an_organization(use):
    created(use)

    with pytest.raises(NameTaken):
        created(use)


def test_the_same_name_in_two_organizations_is_two_objects(use):
    mine = created(use)
    other = caller(BETA)

    theirs = created(use, who=other, organization_id=BETA)

    assert use.objects.read_by_name(ME, "name", None).record.id == mine.id
    assert use.objects.read_by_name(other, "name", None).record.id == theirs.id


def test_a_name_of_two_organizations_is_ambiguous_to_a_caller_for_all(use):
    created(use)
    theirs = created(use, who=caller(BETA), organization_id=BETA)

    with pytest.raises(AmbiguousName):
        use.objects.read_by_name(caller(), "name", None)
    assert use.objects.read_by_name(caller(), "name", BETA).record.id == theirs.id


def test_no_organization_takes_a_name_from_those_whose_objects_belong_to_none(use):
    ours = use.objects.create(caller(), name="name", value="ours", context=context(kind="platform"))
    created(use)
    created(use, who=caller(BETA), organization_id=BETA)

    assert use.objects.read_by_name(caller(), "name", None).record.id == ours.id


def test_a_caller_for_all_reads_the_one_object_of_a_name(use):
    record = created(use)

    assert use.objects.read_by_name(caller(), "name", None).record.id == record.id


def test_another_environment_does_not_see_an_object(use):
    record = created(use)
    stranger = caller(environment=OTHER_ENVIRONMENT)

    with pytest.raises(NotFound):
        use.objects.read(stranger, str(record.id))
    with pytest.raises(NotFound):
        use.objects.read_by_name(stranger, "name", None)


def test_the_first_kek_of_a_scope_stays(store, use):
    created(use, "one")
    created(use, "two")

    assert store.actions().count("vault.kek.created") == 1


def test_each_context_has_a_kek_of_its_own(use):
    keys = {
        created(use, "one").current.key_id,
        created(use, "two", organization_id=ACME, type="card").current.key_id,
        created(use, "three", who=caller(BETA), organization_id=BETA).current.key_id,
    }

    assert len(keys) == 3


def test_uses_of_a_kek_are_counted_by_version(store, use):
    kek_id = created(use).current.key_id
    kek = store.keks.get(ENVIRONMENT, ACME, kek_id).active

    for _ in range(2):
        store.audit.append(_kek_event(kek_id), [KekUse(kek_id, 1, 3, 1), KekUse(kek_id, 2, 5, 0)])

    assert [store.keks.wraps(ENVIRONMENT, ACME, replace(kek, version=version)) for version in (1, 2, 3)] == [6, 10, 0]
    assert store.keks.wraps(ENVIRONMENT, ACME, replace(kek, kek_id=bytes(16))) == 0


def test_many_events_are_stored_in_order_with_the_epochs_that_stand_then(store, use):
    kek_id = created(use).current.key_id
    created(use, who=caller(BETA), organization_id=BETA)
    kek = store.keks.get(ENVIRONMENT, ACME, kek_id).active
    items = [(place, 2 * place) for place in range(150)]
    batches = [ItemEvents(_kek_event(kek_id), items, [KekUse(kek_id, 1, 1, 1)])]

    mine = store.audit.append_all(batches, [(ENVIRONMENT, ACME)])
    both = store.audit.append_all(batches, [(ENVIRONMENT, ACME), (ENVIRONMENT, BETA)])
    none = store.audit.append_all((), [(ENVIRONMENT, BETA)])

    assert mine == {(ENVIRONMENT, ACME): store.bindings.load(ENVIRONMENT, ACME).epoch}
    assert both == mine | {(ENVIRONMENT, BETA): store.bindings.load(ENVIRONMENT, BETA).epoch}
    assert none == {(ENVIRONMENT, BETA): both[ENVIRONMENT, BETA]}
    told = [event.target.partition("/")[2] for event in store.events() if "/" in event.target]
    assert told == [str(2 * place) for place in range(150)] * 2
    assert store.keks.wraps(ENVIRONMENT, ACME, kek) == 2


def test_an_organization_without_an_epoch_has_none(store):
    assert store.audit.append_all((), [(ENVIRONMENT, ACME)]) == {(ENVIRONMENT, ACME): None}


def test_every_write_leaves_its_event(store, use):
    record = created(use)
    updated(use, record)
    use.objects.delete(ME, str(record.id), version_check=None)
    use.objects.restore(ME, str(record.id))

    assert store.actions() == [
        "vault.kek.created",
        "vault.object.created",
        "vault.object.updated",
        "vault.object.deleted",
        "vault.object.restored",
    ]


def test_every_read_leaves_its_event(store, use):
    record = created(use)
    before = len(store.actions())

    use.objects.read(ME, str(record.id))
    use.objects.describe(ME, str(record.id))
    use.versions.list(ME, str(record.id))

    assert store.actions()[before:] == ["vault.object.read", "vault.metadata.read", "vault.versions.listed"]


def test_a_refused_write_leaves_no_event(store, use):
    created(use)
    before = store.actions()

    with pytest.raises(NameTaken):
        created(use)

    assert store.actions() == before


def _kek_event(kek_id):
    return Event(Action.DATA_KEY_CREATED, ENVIRONMENT, ACME, ME.origin, uuid_text(kek_id))
