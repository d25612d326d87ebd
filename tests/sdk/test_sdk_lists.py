"""The official SDKs of WorkOS walk through lists, in either order and by each filter that they have."""

from datetime import UTC, datetime, timedelta

import pytest

from sdk.versions import BACK, FILTERS, PAGES, every_sdk


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


@pytest.fixture
def five(vault, context):
    """Objects named a, b, c, d, e, in this order."""
    for name in "abcde":
        vault.create(name=name, value="x", context=context)


def names(rows):
    return [row["name"] for row in rows]


def moment(text):
    return datetime.fromisoformat(text)
