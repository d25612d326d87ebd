"""The official SDKs of WorkOS create, read, update and delete objects when nothing but their base URL is changed."""

from datetime import datetime

import pytest

from sdk.driver import Refused
from sdk.versions import CHECKED_DELETE, DESCRIBE, every_sdk

NAMES = {
    "plain": "greeting",
    "slashes": "db/prod/password",
    "doubled-slashes": "//db//password/",
    "blanks": "two  words",
    "accents": "café",
    "beyond-the-basic-plane": "key 🔑",
    "question-mark": "really?limit=1",
    "hash": "number#1",
    "plus-percent-ampersand": "a+b & 100%25",
    "like-a-route": "x/metadata",
    "like-the-route-of-names": "name/x",
}
every_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())


@every_sdk()
def test_a_created_object_is_answered_with_its_metadata(vault, context):
    created = vault.create(name="greeting", value="world", context=context)

    assert set(created) == {
        "id",
        "environment_id",
        "key_id",
        "updated_by",
        "updated_at",
        "context",
        "version_id",
    }
    assert created["context"] == context
    assert created["updated_by"] == {"id": "test", "name": "test by name"}


@every_sdk()
def test_a_created_object_can_be_read(vault, context):
    created = vault.create(name="greeting", value="wörld 🔑\n", context=context)

    read = vault.read(created["id"])

    assert read == {"id": created["id"], "name": "greeting", "value": "wörld 🔑\n", "metadata": created}


@every_name
@every_sdk()
def test_an_object_can_be_read_by_its_name(vault, context, name):
    created = vault.create(name=name, value="world", context=context)

    read = vault.read_by_name(name)

    assert read == {"id": created["id"], "name": name, "value": "world", "metadata": created}


@every_sdk()
def test_a_taken_name_is_a_conflict(sdk, vault, context):
    vault.create(name="greeting", value="world", context=context)

    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="moon", context=context)

    assert refused.value.kind == sdk.refusals.conflict


@every_sdk(DESCRIBE)
def test_a_description_is_an_object_without_its_value(vault, context):
    created = vault.create(name="greeting", value="world", context=context)

    described = vault.describe(created["id"])

    assert described.pop("value", None) is None
    assert described == {"id": created["id"], "name": "greeting", "metadata": created}


@every_sdk()
def test_an_update_replaces_the_value(vault, context):
    created = vault.create(name="greeting", value="world", context=context)

    updated = vault.update(created["id"], value="moon")

    assert updated.pop("value", None) is None
    assert updated["metadata"]["version_id"] != created["version_id"]
    assert vault.read(created["id"]) == {**updated, "value": "moon"}


@every_sdk()
def test_an_update_of_the_version_that_it_expects_is_done(vault, context):
    created = vault.create(name="greeting", value="world", context=context)

    vault.update(created["id"], value="moon", version_check=created["version_id"])

    assert vault.read(created["id"])["value"] == "moon"


@every_sdk()
def test_an_update_of_a_stale_version_is_a_conflict(sdk, vault, context):
    created = vault.create(name="greeting", value="world", context=context)
    vault.update(created["id"], value="moon")

    with pytest.raises(Refused) as refused:
        vault.update(created["id"], value="sun", version_check=created["version_id"])

    assert refused.value.kind == sdk.refusals.conflict
    assert refused.value.message.startswith("Expected version mismatch")
    assert vault.read(created["id"])["value"] == "moon"


@every_sdk()
def test_versions_are_listed_newest_first(vault, context):
    created = vault.create(name="greeting", value="world", context=context)
    updated = vault.update(created["id"], value="moon")

    versions = vault.versions(created["id"])

    assert [(each["id"], each["current_version"]) for each in versions] == [
        (updated["metadata"]["version_id"], True),
        (created["version_id"], False),
    ]
    assert moment(versions[1]["created_at"]) == moment(created["updated_at"])


@every_sdk()
def test_a_deleted_object_is_not_found(sdk, vault, context):
    created = vault.create(name="greeting", value="world", context=context)

    vault.delete(created["id"])

    with pytest.raises(Refused) as refused:
        vault.read(created["id"])
    assert refused.value.kind == sdk.refusals.not_found


@every_sdk()
def test_an_update_of_a_deleted_object_is_not_found(sdk, vault, context):
    created = vault.create(name="greeting", value="world", context=context)
    vault.delete(created["id"])

    with pytest.raises(Refused) as refused:
        vault.update(created["id"], value="moon")

    assert refused.value.kind == sdk.refusals.not_found


@every_sdk()
def test_the_name_of_a_deleted_object_is_free(vault, context):
    first = vault.create(name="greeting", value="world", context=context)
    vault.delete(first["id"])

    second = vault.create(name="greeting", value="moon", context=context)

    assert vault.read_by_name("greeting")["id"] == second["id"]


@every_sdk(CHECKED_DELETE)
def test_a_delete_of_the_version_that_it_expects_is_done(sdk, vault, context):
    created = vault.create(name="greeting", value="world", context=context)

    vault.delete(created["id"], version_check=created["version_id"])

    with pytest.raises(Refused) as refused:
        vault.read(created["id"])
    assert refused.value.kind == sdk.refusals.not_found


@every_sdk(CHECKED_DELETE)
def test_a_delete_of_a_stale_version_is_a_conflict(sdk, vault, context):
    created = vault.create(name="greeting", value="world", context=context)
    vault.update(created["id"], value="moon")

    with pytest.raises(Refused) as refused:
        vault.delete(created["id"], version_check=created["version_id"])

    assert refused.value.kind == sdk.refusals.conflict
    assert vault.read(created["id"])["value"] == "moon"


def moment(text):
    return datetime.fromisoformat(text)
