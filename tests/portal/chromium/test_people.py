"""What people do: two tabs, the back button, a button pressed twice, a reload, and a session that ends while they type."""

import json

import pytest
from playwright.sync_api import expect

from portal.chromium.steps import ORIGIN, begin, follow, name_key, press, title
from sealring.operator.installation import SETTINGS_FILE


@pytest.fixture
def end_session(server, run_sealring, customer):
    """Ends the only session of the organization, as its operator."""

    def sessions(*arguments):
        return run_sealring("portal", "sessions", *arguments, "--config", server.folder / SETTINGS_FILE).stdout

    def end_session():
        (found,) = json.loads(sessions("list", "--organization", customer.org))
        sessions("end", found["id"])

    return end_session


def bindings(server, customer):
    path = f"/sealring/v1/bindings?organization_id={customer.org}"
    return server.ask("GET", path, token=server.token(customer.org)).json["data"]


def test_a_session_that_ends_while_a_key_is_typed_loses_nothing(page, customer, end_session):
    begin(page, customer.link())
    page.goto(f"{ORIGIN}/portal/connect/example/key")
    page.get_by_label("Key", exact=True).fill("key_three")
    end_session()
    press(page, "Check the key")
    expect(title(page)).to_have_text("Your session has ended")
    other = page.context.new_page()
    begin(other, customer.link())

    press(page, "Send again")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was sent yet")
    expect(page.get_by_label("Key", exact=True)).to_have_value("key_three")
    press(page, "Check the key")

    expect(title(page)).to_have_text("The key works")


def test_two_tabs_are_one_session(page, customer):
    begin(page, customer.link())
    other = page.context.new_page()
    name_key(other, "key_three")
    expect(title(other)).to_have_text("The key works")

    page.goto(f"{ORIGIN}/portal/start")
    expect(title(page)).to_have_text("Your key")
    press(page, "End session")
    other.reload()

    expect(title(other)).to_have_text("Your session has ended")


def test_the_back_button_leads_to_a_link_that_was_used_and_on_to_the_session(page, customer):
    begin(page, customer.link())

    page.go_back()
    expect(title(page)).to_have_text("This link cannot be used")
    follow(page, "Continue the session in this browser")

    expect(title(page)).to_have_text("Where is your key?")


def test_a_form_can_be_sent_again_after_the_back_button(page, customer):
    begin(page, customer.link())
    name_key(page, "key_none")
    expect(title(page)).to_have_text("The key does not work yet")

    page.go_back()
    page.get_by_label("Key", exact=True).fill("key_three")
    press(page, "Check the key")

    expect(title(page)).to_have_text("The key works")


def test_an_old_page_does_nothing_to_a_key_in_another_state(page, customer):
    begin(page, customer.link())
    name_key(page, "key_three")
    expect(title(page)).to_have_text("The key works")
    page.goto(f"{ORIGIN}/portal/status")
    follow(page, "Stop all use now")
    page.get_by_label("Name of the organization").fill(customer.org)
    press(page, "Stop all use now")
    expect(page.get_by_role("status")).to_contain_text("Stopped.")

    page.go_back()
    page.goto(page.url)

    expect(page.get_by_role("status")).to_contain_text("That is not possible in the key's present state.")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_button_pressed_twice_does_it_once(make_page, server, customer, scripts):
    page = make_page(java_script_enabled=scripts)
    page.goto(customer.link())
    page.get_by_role("button", name="Begin").dblclick()
    expect(title(page)).to_have_text("Where is your key?")
    page.goto(f"{ORIGIN}/portal/connect/example/key")
    page.get_by_label("Key", exact=True).fill("key_two")

    page.get_by_role("button", name="Check the key").dblclick()

    expect(title(page)).to_have_text("The key works", timeout=20_000)
    assert [each["state"] for each in bindings(server, customer)] == ["active"]


def test_a_check_goes_on_through_reloads(page, server, customer):
    server.kms.states["key_five"] = "SILENCE"
    begin(page, customer.link())
    name_key(page, "key_five")

    for _ in range(2):
        page.reload()
        expect(title(page)).to_have_text("Checking the key")
    expect(title(page)).to_have_text("The key does not work yet", timeout=20_000)

    expect(page.locator(".finding").first).to_contain_text("in time")
    assert [each["state"] for each in bindings(server, customer)] == ["pending"]


def test_what_is_copied_is_what_stands_there(make_page, customer):
    page = make_page(permissions=["clipboard-read", "clipboard-write"])
    begin(page, customer.link())
    page.goto(f"{ORIGIN}/portal/connect/example/access")

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("pre:visible").inner_text()


def test_the_status_is_printed_without_what_is_to_press(page, customer):
    begin(page, customer.link())
    page.goto(f"{ORIGIN}/portal/status")

    page.emulate_media(media="print")

    expect(page.get_by_text("Printed at")).to_be_visible()
    assert page.get_by_role("button").count() == 0
