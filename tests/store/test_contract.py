"""What every store promises, through the use cases: in memory, on fakeredis, on a real Valkey."""

from dataclasses import replace

import pytest

from sealring.domain.events import Action, Event
from sealring.domain.ids import Home, ObjectId, uuid_text
from sealring.domain.kek import KekUse
from sealring.domain.ports import Change, Entries
from sealring.errors import AmbiguousName, NameTaken, NotFound, VersionConflict
from sealring.services.visibility import event_of
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, caller, context, services

ME = caller(ACME)


@pytest.fixture
def use(store):
    return services(store)


def created(use, name="name", value="value", who=ME, **pairs):
    return use.objects.create(who, name=name, value=value, context=context(**pairs))


def updated(use, record, value="new", version_check=None):
    return use.objects.update(ME, str(record.id), value=value, version_check=version_check, contexts=())


def version_id(record):
    return uuid_text(record.current.id)


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


def test_an_update_replaces_the_value_and_the_version(use):
    before = created(use)

    after = updated(use, before)

    assert use.objects.read(ME, str(before.id)).value == "new"
    assert after.current.number == 2
    assert after.current.id != before.current.id
    assert after.updated_at > before.updated_at
    assert after.revision == 2


def test_an_update_with_the_current_version_succeeds(use):
    record = created(use)

    updated(use, record, version_check=version_id(record))

    assert use.objects.read(ME, str(record.id)).value == "new"


def test_a_stale_update_changes_nothing(use):
    record = created(use)
    updated(use, record, "second")

    with pytest.raises(VersionConflict):
        updated(use, record, "third", version_check=version_id(record))

    assert use.objects.read(ME, str(record.id)).value == "second"
    assert len(use.versions.list(ME, str(record.id))) == 2


def test_versions_are_listed_newest_first_without_a_gap(use):
    record = created(use)
    for value in ("two", "three"):
        updated(use, record, value)

    assert [each.number for each in use.versions.list(ME, str(record.id))] == [3, 2, 1]


def test_an_old_version_is_read_with_its_own_value(use):
    record = created(use, value="one")
    updated(use, record, "two")

    opened = use.versions.read(ME, str(record.id), version_id(record))

    assert opened.value == "one"
    assert opened.record.current.number == 1


def test_the_etag_of_a_version_stays_when_it_becomes_old(use):
    record = created(use)
    fresh = use.versions.list(ME, str(record.id))[0]
    updated(use, record)

    assert use.versions.list(ME, str(record.id))[1] == fresh


def test_a_version_of_another_object_is_not_found(use):
    record, other = created(use, "one"), created(use, "other")

    with pytest.raises(NotFound):
        use.versions.read(ME, str(record.id), version_id(other))


def test_a_deleted_object_is_gone_at_once(use):
    record = created(use)

    use.objects.delete(ME, str(record.id), version_check=None)

    for gone in (
        lambda: use.objects.read(ME, str(record.id)),
        lambda: use.objects.describe(ME, str(record.id)),
        lambda: use.objects.read_by_name(ME, "name", None),
        lambda: use.versions.list(ME, str(record.id)),
        lambda: use.versions.read(ME, str(record.id), version_id(record)),
        lambda: updated(use, record),
        lambda: use.objects.delete(ME, str(record.id), version_check=None),
    ):
        with pytest.raises(NotFound):
            gone()


def test_the_name_of_a_deleted_object_is_free_at_once(use):
    use.objects.delete(ME, str(created(use).id), version_check=None)

    assert use.objects.read(ME, str(created(use, value="second").id)).value == "second"


def test_a_stale_delete_deletes_nothing(use):
    record = created(use)
    updated(use, record)

    with pytest.raises(VersionConflict):
        use.objects.delete(ME, str(record.id), version_check=version_id(record))

    assert use.objects.read(ME, str(record.id)).value == "new"


def test_a_restored_object_is_as_it_was(use):
    record = created(use)
    updated(use, record)
    use.objects.delete(ME, str(record.id), version_check=None)

    use.objects.restore(ME, str(record.id))

    assert use.objects.read_by_name(ME, "name", None).value == "new"
    assert [each.number for each in use.versions.list(ME, str(record.id))] == [2, 1]
    assert updated(use, record, "newer").current.number == 3


def test_restoring_a_live_object_changes_nothing(use):
    record = created(use)

    assert use.objects.restore(ME, str(record.id)) == record


def test_an_object_whose_name_was_taken_again_stays_deleted(use):
    record = created(use)
    use.objects.delete(ME, str(record.id), version_check=None)
    created(use, value="second")

    with pytest.raises(NameTaken):
        use.objects.restore(ME, str(record.id))

    assert use.objects.read_by_name(ME, "name", None).value == "second"


def test_an_object_past_its_retention_is_not_restored(store, use):
    record = created(use)
    use.objects.delete(ME, str(record.id), version_check=None)
    store.objects.amend(record.id, lambda now_record, _: Change(replace(now_record, purge_at=1), _event(record)), None)

    with pytest.raises(NotFound):
        use.objects.restore(ME, str(record.id))


def test_a_record_that_was_overtaken_is_not_attested(store, use):
    record = created(use)
    updated(use, record)

    assert not store.objects.attest(record, _event(record)).newest


def test_an_overtaken_read_returns_the_newer_value(store, use):
    """The update lands between the load and the audit event of a read."""
    record = created(use)
    load, overtaken = store.objects.get, []

    def get_then_update(object_id):
        loaded = load(object_id)
        if not overtaken:
            overtaken.append(True)
            updated(use, record, "newer")
        return loaded

    store.objects.get = get_then_update

    assert use.objects.read(ME, str(record.id)).value == "newer"


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
    before = len(store.actions())
    each = [(bytes([number]) * 16, f"target {number}") for number in range(150)]
    entries = [Entries(_kek_event(kek_id), each, [KekUse(kek_id, 1, 1, 1)])]

    mine = store.audit.append_all(entries, [(ENVIRONMENT, ACME)])
    both = store.audit.append_all(entries, [(ENVIRONMENT, ACME), (ENVIRONMENT, BETA)])
    none = store.audit.append_all((), [(ENVIRONMENT, BETA)])

    assert mine == {(ENVIRONMENT, ACME): store.bindings.load(ENVIRONMENT, ACME).epoch}
    assert both == mine | {(ENVIRONMENT, BETA): store.bindings.load(ENVIRONMENT, BETA).epoch}
    assert none == {(ENVIRONMENT, BETA): both[ENVIRONMENT, BETA]}
    assert len(store.actions()) - before == 300
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


def _event(record):
    return event_of(Action.METADATA_READ, record, ME)
