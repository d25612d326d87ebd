"""The official SDKs of WorkOS work with our server when nothing but their base URL is changed."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from sdk.driver import Refused
from sdk.versions import ANY_VALUE, BACK, CHECKED_DELETE, DESCRIBE, FILTERS, PAGES, REKEY, every_pair_of_sdks, every_sdk

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

# --- objects


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


# --- lists


@every_sdk()
def test_a_list_begins_with_the_newest(sdk, vault_of, full_org):
    page = vault_of(sdk, full_org.token).page(limit=100)

    assert names(page["rows"]) == [f"n{number:03}" for number in range(249, 149, -1)]


@every_sdk(PAGES)
def test_a_walk_meets_each_object_once_newest_first(sdk, vault_of, full_org):
    walked = vault_of(sdk, full_org.token).walk()

    assert names(walked) == [f"n{number:03}" for number in range(249, -1, -1)]


@every_sdk(PAGES)
def test_an_updated_object_is_listed_first(vault, context):
    first = vault.create(name="first", value="world", context=context)
    vault.create(name="second", value="world", context=context)
    updated = vault.update(first["id"], value="moon")

    rows = vault.walk()

    assert names(rows) == ["first", "second"]
    assert moment(rows[0]["updated_at"]) == moment(updated["metadata"]["updated_at"])


@every_sdk(PAGES)
def test_the_loop_of_early_clients_that_sends_before_as_after_meets_each_object_once(vault, five):
    page = vault.page(limit=2)
    pages = [names(page["rows"])]
    while page["before"] is not None and len(pages) < 5:
        page = vault.page(limit=2, after=page["before"])
        pages.append(names(page["rows"]))

    assert pages == [["e", "d"], ["c", "b"], ["a"]]


@every_sdk(PAGES)
def test_an_empty_organization_has_an_empty_list(vault):
    page = vault.page()

    assert page == {"rows": [], "before": None, "after": None}


@every_sdk(PAGES, BACK)
def test_one_can_page_back(vault, five):
    first = vault.page(limit=2)
    second = vault.page(limit=2, after=first["after"])

    back = vault.page(limit=2, before=second["before"])

    assert names(back["rows"]) == ["e", "d"]


@every_sdk(FILTERS)
def test_a_list_can_begin_with_the_oldest(vault, five):
    first = vault.page(limit=3, order="asc")
    second = vault.page(limit=3, order="asc", after=first["after"])

    assert names(first["rows"] + second["rows"]) == ["a", "b", "c", "d", "e"]


@every_sdk(FILTERS)
def test_a_list_can_be_searched(vault, context):
    for name in ("db/password", "db/user", "api-Password"):
        vault.create(name=name, value="x", context=context)

    assert names(vault.walk(search="password")) == ["api-Password", "db/password"]


@every_sdk(FILTERS)
def test_updated_after_an_hour_ago_gives_what_is_new(vault, five):
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    assert names(vault.page(updated_after=hour_ago)["rows"]) == ["e", "d", "c", "b", "a"]
    assert names(vault.walk(updated_after=hour_ago)) == ["e", "d", "c", "b", "a"]  # Node spells it differently here


@every_sdk(FILTERS)
def test_updated_after_an_hour_from_now_gives_nothing(vault, five):
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    assert names(vault.page(updated_after=in_an_hour)["rows"]) == []
    assert names(vault.walk(updated_after=in_an_hour)) == []


# --- data keys


@every_sdk()
def test_a_data_key_has_32_bytes_and_its_context(vault, context):
    pair = vault.create_data_key(context)

    assert len(base64.b64decode(pair["data_key"], validate=True)) == 32
    assert pair["context"] == context


@every_sdk()
def test_a_data_key_is_decrypted_from_its_wrapped_form(vault, context):
    pair = vault.create_data_key(context)

    assert vault.decrypt_data_key(pair["encrypted_keys"]) == {"id": pair["id"], "data_key": pair["data_key"]}


@every_sdk()
def test_two_data_keys_differ(vault, context):
    first, second = vault.create_data_key(context), vault.create_data_key(context)

    assert first["data_key"] != second["data_key"]


@every_sdk(REKEY)
def test_a_rekeyed_data_key_is_the_same_key_in_another_context(vault, context):
    pair = vault.create_data_key(context)

    rekeyed = vault.rekey(pair["encrypted_keys"], {**context, "purpose": "archive"})

    assert rekeyed["context"] == {**context, "purpose": "archive"}
    assert rekeyed["encrypted_keys"] != pair["encrypted_keys"]
    assert vault.decrypt_data_key(rekeyed["encrypted_keys"]) == {"id": pair["id"], "data_key": pair["data_key"]}


@every_pair_of_sdks()
def test_what_one_sdk_encrypts_another_decrypts(writer, reader, org, vault_of):
    context = {writer.organization_key: org.id}
    ciphertext = vault_of(writer, org.token).encrypt("wörld 🔑", context, "row 7: naïve")

    text = vault_of(reader, org.token).decrypt(ciphertext, "row 7: naïve")

    assert text == "wörld 🔑"


@every_sdk()
def test_text_is_encrypted_without_associated_data_too(vault, context):
    ciphertext = vault.encrypt("world", context, None)

    assert vault.decrypt(ciphertext, None) == "world"


@every_pair_of_sdks()
def test_other_associated_data_does_not_decrypt(writer, reader, org, vault_of):
    context = {writer.organization_key: org.id}
    ciphertext = vault_of(writer, org.token).encrypt("world", context, "row 7")

    with pytest.raises(Refused) as refused:
        vault_of(reader, org.token).decrypt(ciphertext, "row 8")

    assert refused.value.kind == reader.refusals.tampered


# --- refusals


@every_sdk()
def test_an_invalid_token_is_an_authentication_failure(sdk, vault_of):
    vault = vault_of(sdk, "sk_test_not_a_token_of_ours")

    with pytest.raises(Refused) as refused:
        vault.page(limit=1)

    assert refused.value.kind == sdk.refusals.unauthenticated


@every_sdk()
def test_creating_for_another_organization_is_forbidden(sdk, vault):
    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context={sdk.organization_key: "org_of_another"})

    assert refused.value.kind == sdk.refusals.forbidden
    assert "Insufficient permissions" in refused.value.message


@every_sdk()
def test_a_data_key_of_another_organization_is_refused_as_garbage_is(sdk, live, vault, vault_of):
    another = vault_of(sdk, live.token("org_of_another"))
    pair = another.create_data_key({sdk.organization_key: "org_of_another"})

    with pytest.raises(Refused) as refused:
        vault.decrypt_data_key(pair["encrypted_keys"])
    with pytest.raises(Refused) as garbage:
        vault.decrypt_data_key("AAAA")

    assert refused.value.kind == garbage.value.kind
    assert refused.value.message == garbage.value.message


@every_sdk()
def test_an_object_of_another_organization_is_not_found(sdk, live, vault, context, vault_of):
    created = vault.create(name="greeting", value="world", context=context)
    another = vault_of(sdk, live.token("org_of_another"))

    with pytest.raises(Refused) as refused:
        another.read(created["id"])

    assert refused.value.kind == sdk.refusals.not_found


@every_sdk()
@pytest.mark.parametrize("pairs", [{}, {"note": "x" * 501}], ids=["empty", "too-long"])
def test_an_invalid_context_is_refused(sdk, vault, context, pairs):
    invalid = {**context, **pairs} if pairs else {}

    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context=invalid)

    assert refused.value.kind == sdk.refusals.invalid


@every_sdk(ANY_VALUE)
def test_a_number_in_a_context_is_refused(sdk, vault, context):
    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context={**context, "note": 7})

    assert refused.value.kind == sdk.refusals.invalid


@every_sdk()
def test_the_reason_of_a_refused_context_reaches_the_caller(vault):
    with pytest.raises(Refused) as refused:
        vault.create(name="greeting", value="world", context={})

    assert refused.value.message.startswith("Invalid key context")


@pytest.fixture
def five(vault, context):
    """Objects named a, b, c, d, e, in this order."""
    for name in "abcde":
        vault.create(name=name, value="x", context=context)


def names(rows):
    return [row["name"] for row in rows]


def moment(text):
    return datetime.fromisoformat(text)
