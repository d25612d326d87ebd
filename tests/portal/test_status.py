"""The status of keys, and what a person does with one in a hurry: check, replace, stop, and allow again."""

import pytest

import sealring_plugin as api
from sealring.domain.ids import uuid_text
from sealring.errors import KeyDisabled
from sealring.portal.pages import moment
from support.cmk import Key
from support.make import ACME, caller


def test_the_status_shows_the_key_its_state_its_last_check_and_the_bound(world):
    browser = world.bound()
    world.seal()

    page = browser.get("/portal/status")

    for text in (
        "State In use",
        "Key key_one",
        "Service cmk",
        "Last check passed",
        "Encrypted under this key so far Versions of objects, also of deleted ones: 1. Data keys: 0.",
        "Disabling it takes effect at the next request",
        "Stored objects of org_acme 1",
    ):
        assert text in page.text


def test_the_status_says_since_when_and_when_last(world):
    browser = world.bound()
    assert "Last use none recorded" in browser.get("/portal/status").text
    world.seal()

    shown = browser.get("/portal/status").text

    use = world.use.bindings.uses(caller(ACME), ACME, world.bindings())[world.binding().id]
    assert f"State In use In this state since {moment(use.state_since)}" in shown
    assert f"Last use {moment(use.last_used_at)}" in shown
    assert use.last_used_at // 1000 - use.state_since // 1000 >= 0


def test_a_stopped_key_says_since_when(world):
    browser = world.bound()
    browser.get(f"{world.path()}/suspend")

    page = browser.send("/suspend", organization="org_acme")

    assert f"State Stopped In this state since {moment(world.binding().updated_at)}" in page.text


def test_a_setup_that_is_not_finished_says_nothing_of_use(world):
    world.kms["key_one"] = Key(failure=api.KeyDisabled())

    page = world.bound().get("/portal/status")

    assert "setup is not finished" in page.text
    assert "Last use" not in page.text
    assert "so far" not in page.text


def test_stopping_needs_the_name_of_the_organization(world):
    browser = world.bound()
    browser.get(f"{world.path()}/suspend")

    page = browser.send("/suspend", organization="org_beta")

    assert page.status == 422
    assert "This is not the name of the organization." in page.text
    assert world.binding().state.name == "ACTIVE"


def test_when_the_page_says_stopped_nothing_opens_any_more(world):
    browser = world.bound()
    record = world.seal()
    browser.get(f"{world.path()}/suspend")

    page = browser.send("/suspend", organization=" org_acme ")

    assert "Stopped. From now on, nothing that this key protects can be read or written." in page.text
    assert "State Stopped" in page.text
    with pytest.raises(KeyDisabled):
        world.open(record)
    with pytest.raises(KeyDisabled):
        world.seal(name="another")


def test_use_is_allowed_again_only_after_a_check(world):
    browser = world.bound()
    record = world.seal()
    browser.get(f"{world.path()}/suspend")
    browser.send("/suspend", organization="org_acme")
    world.kms["key_one"].failure = api.KeyDisabled()

    browser.send("/resume")
    world.work()
    assert browser.get(browser.page.path).title == "The key does not work yet"
    assert world.binding().state.name == "SUSPENDED"

    world.kms["key_one"].failure = None
    browser.send("/resume")
    world.work()
    assert world.open(record) == "secret"


def test_a_check_resumes_nothing(world):
    browser = world.bound()
    path = world.path()
    browser.get("/portal/status")
    form = browser.page.form("/check")
    browser.get(f"{path}/suspend")
    browser.send("/suspend", organization="org_acme")

    browser.post(form.action, form.fields)
    world.work()

    assert world.binding().state.name == "SUSPENDED"


def test_a_check_of_a_key_in_use_changes_nothing_but_its_result(world):
    browser = world.bound()
    world.kms["key_one"].failure = api.KeyDisabled()
    browser.get("/portal/status")

    browser.send("/check")
    world.work()
    page = browser.get("/portal/status")

    assert world.binding().state.name == "ACTIVE"
    assert "Last check failed" in page.text
    assert "The key is disabled." in page.text


def test_a_replaced_key_opens_what_it_sealed_and_seals_nothing_new(world):
    browser = world.bound()
    old = world.seal(name="old")
    world.kms["key_two"] = Key()
    browser.get("/portal/connect/cmk/key")
    assert "It replaces the key that is connected now" in browser.page.text

    browser.send("/key", key="key_two")
    assert [each.state.name for each in world.bindings()] == ["ACTIVE", "PENDING"]
    world.work()

    assert [(each.key, each.state.name) for each in world.bindings()] == [("key_one", "RETIRED"), ("key_two", "ACTIVE")]
    assert world.open(old) == "secret"
    assert [use for use, _, _ in world.kms["key_one"].log].count("wrap") == 2  # of its check, and of the old object
    world.seal(name="new")
    assert [use for use, _, _ in world.kms["key_one"].log].count("wrap") == 2


def test_a_replacement_that_fails_leaves_the_key_in_use(world):
    browser = world.bound()
    world.kms["key_two"] = Key(failure=api.AccessDenied())
    browser.get("/portal/connect/cmk/key")

    browser.send("/key", key="key_two")
    world.work()

    assert [(each.key, each.state.name) for each in world.bindings()] == [("key_one", "ACTIVE"), ("key_two", "PENDING")]


def test_a_key_that_was_never_used_can_be_removed(world):
    browser = world.bound(key="key_one")
    world.kms["key_two"] = Key(failure=api.AccessDenied())
    browser.get("/portal/connect/cmk/key")
    browser.send("/key", key="key_two")
    world.work()
    browser.get("/portal/status")

    browser.send("/remove")

    assert "Removed." in browser.page.text
    assert [each.key for each in world.bindings()] == ["key_one"]


def test_an_action_of_an_old_page_says_that_the_state_is_another(world):
    browser = world.bound()
    browser.get("/portal/status")
    stop = f"{world.path()}/suspend"
    browser.get(stop)
    form = browser.page.form("/suspend")
    browser.send("/suspend", organization="org_acme")

    page = browser.get(stop)

    assert form.action == stop
    assert "That is not possible in the key's present state." in page.text


def test_setup_is_complete_only_for_a_key_in_use(world):
    world.kms["key_one"] = Key(failure=api.AccessDenied())
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")
    browser.send("/key", key="key_one")
    world.work()

    assert browser.get(f"{world.path()}/done").title == "The key does not work yet"


def test_the_page_says_stopped_only_while_it_is_so(world):
    browser = world.bound()
    browser.get(f"{world.path()}/suspend")
    browser.send("/suspend", organization="org_acme")
    address = browser.page.path
    browser.send("/resume")
    world.work()

    assert "Stopped." not in browser.get(f"{address}?said=suspended&key={uuid_text(world.binding().id)}").text


@pytest.mark.parametrize("said", ["suspended", "suspended&key=x", "__doc__", "__module__", "get", "", "<b>x</b>"])
def test_an_address_says_nothing_that_is_not_so(world, said):
    browser = world.bound()

    page = browser.get(f"/portal/status?said={said}")

    assert [about for _, about in page.tags if about.get("class") == "alert"] == []
