"""The whole wizard in a real browser, for every kind of key: three mistakes that the check explains, then a key that guards."""

import pytest
from playwright.sync_api import expect

from portal.chromium.clouds import AzureOwner, ExampleOwner, GoogleOwner
from portal.chromium.steps import begin, follow, press, title

SLOWLY_MS = 20_000  # a check without a script reloads its page every two seconds
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])


def to_the_key(page, owner):
    """To the fourth step, as the first three lead there. Its owner reads them."""
    follow(page, owner.title)
    create = page.locator("main").inner_text()
    follow(page, "Next: grant access")
    access = page.locator("main").inner_text()
    follow(page, "Next: name the key")
    owner.follow(create, access)


def check(page, owner, key):
    """Name a key, and see its check begin."""
    page.get_by_label("Key", exact=True).fill(key)
    if "Private endpoint" in owner.options and not page.get_by_label("Private endpoint").is_visible():
        page.get_by_text("More options").click()
    for label, text in owner.options.items():
        page.get_by_label(label, exact=True).fill(text)
    press(page, "Check the key")


def fails(page, explained):
    expect(title(page)).to_have_text("The key does not work yet", timeout=SLOWLY_MS)
    expect(page.locator(".finding", has_text=explained)).to_contain_text("What to do:")


def walk(page, customer, owner):
    begin(page, customer.link(success_url="https://app.example.com/done"))
    to_the_key(page, owner)
    check(page, owner, owner.wrong)
    fails(page, owner.unknown)
    follow(page, "Change what you entered")
    check(page, owner, owner.right)
    for explained, mend in owner.faults():
        fails(page, explained)
        mend()
        press(page, "Try again")
    expect(title(page)).to_have_text("The key works", timeout=SLOWLY_MS)
    follow(page, "Continue")
    expect(title(page)).to_have_text("Setup is complete")

    assert (
        page.get_by_role("link", name="Back to the application").get_attribute("href") == "https://app.example.com/done"
    )
    assert customer.guards(customer.write()) == [(owner.provider, "usable")]


@SCRIPTS
def test_a_key_of_a_provider_of_somebody_else(make_page, server, customer, scripts):
    owner = ExampleOwner(server.kms, "key_one" if scripts else "key_two")
    walk(make_page(java_script_enabled=scripts), customer, owner)


@pytest.mark.torture
@SCRIPTS
def test_a_key_in_aws(make_page, clouds, customer, scripts):
    with clouds.aws() as owner:
        walk(make_page(java_script_enabled=scripts), customer, owner)


@pytest.mark.torture
@SCRIPTS
def test_a_key_in_google(make_page, clouds, customer, scripts):
    walk(make_page(java_script_enabled=scripts), customer, GoogleOwner(clouds.google))


@pytest.mark.torture
@SCRIPTS
def test_a_key_in_azure(make_page, clouds, customer, scripts):
    walk(make_page(java_script_enabled=scripts), customer, AzureOwner(clouds.azure))
