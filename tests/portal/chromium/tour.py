"""A tour of every page of the portal, in each of its states."""

from playwright.sync_api import expect

from portal.chromium.steps import ORIGIN, begin, follow, name_key, press, title

SILENT = "key_five"  # a key whose KMS does not answer, while the page of its check is looked at


def tour(page, customer, server, links=None):
    """Lead a page to each stop, and yield its name. Nothing of a stop is needed for the next one."""
    links = links or {}
    yield from _before(page, customer, links)
    yield from _wizard(page)
    yield from _checks(page, server)
    yield from _status(page)
    yield from _after(page, customer)


def _before(page, customer, links):
    page.goto(customer.link()[:-4])
    yield "lost"
    page.goto(customer.link(**links))
    yield "link"
    press(page, "Begin")
    yield "choose"


def _wizard(page):
    for provider in ("awskms", "gcpkms", "azurekv", "example"):
        page.goto(f"{ORIGIN}/portal/connect/{provider}/create")
        yield f"create-{provider}"
        follow(page, "Next: grant access")
        yield f"access-{provider}"
        follow(page, "Next: name the key")
        yield f"key-{provider}"
    press(page, "Check the key")
    yield "key-wrong"


def _checks(page, server):
    server.kms.states[SILENT] = "SILENCE"
    name_key(page, SILENT)
    expect(page.get_by_text("running")).to_be_visible()
    yield "check-running"
    expect(title(page)).to_have_text("The key does not work yet", timeout=20_000)
    server.kms.states["key_four"] = "KEY_DISABLED"
    name_key(page, "key_four")
    expect(title(page)).to_have_text("The key does not work yet")
    yield "check-failed"
    server.kms.states.pop("key_four")
    press(page, "Try again")
    expect(title(page)).to_have_text("The key works")
    yield "check-passed"
    follow(page, "Continue")
    yield "done"


def _status(page):
    follow(page, "See the status")
    yield "status"
    follow(page, "Stop all use now")
    yield "suspend"
    press(page, "Stop all use now")
    yield "suspend-wrong"
    page.get_by_label("Name of the organization").fill(page.locator(".whose").inner_text().removeprefix("Keys of "))
    press(page, "Stop all use now")
    expect(page.get_by_role("status")).to_contain_text("Stopped.")
    yield "status-stopped"


def _after(page, customer):
    page.goto(f"{ORIGIN}/portal/nothing")
    yield "error"
    page.goto(f"{ORIGIN}/portal/connect/example/key")
    page.get_by_label("Key", exact=True).fill("key_three")
    page.context.clear_cookies()
    press(page, "Check the key")
    yield "over-typed"
    begin(page, customer.link(return_url="https://app.example.com/settings"))
    press(page, "End session")
    yield "ended"
