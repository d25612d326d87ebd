"""What every store promises of versions: updated, deleted and restored, and none that was overtaken."""

from dataclasses import replace

import pytest

from sealring.domain.events import Action
from sealring.domain.ids import uuid_text
from sealring.domain.ports import Change
from sealring.errors import NameTaken, NotFound, VersionConflict
from sealring.services.visibility import event_of
from store.contract_kit import ME, created, updated
from support.make import services


@pytest.fixture
def use(store):
    return services(store)


def version_id(record):
    return uuid_text(record.current.id)


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


def _event(record):
    return event_of(Action.METADATA_READ, record, ME)
