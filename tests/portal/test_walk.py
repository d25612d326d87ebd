"""The walk of an administrator: from the link to a key that guards, with mistakes that the check explains."""

from support.cmk import Key


def test_a_key_is_connected_and_guards_what_is_written_then(world):
    world.kms["key_one"] = Key()
    browser = world.browser()

    browser.get(world.link(success_url="https://app.example/done"))
    assert browser.page.title == "Manage the key of org_acme"
    browser.send("/begin")
    assert browser.page.title == "Where is your key?"
    assert browser.page.links.count("/portal/connect/cmk/create") == 1
    browser.get("/portal/connect/cmk/create")
    assert "Allow us." in browser.page.text
    browser.get("/portal/connect/cmk/access")
    assert "allow sealring for org_acme as " in browser.page.text
    browser.get("/portal/connect/cmk/key")
    browser.send("/key", key="key_one")
    assert browser.page.title == "Checking the key"
    world.work()
    browser.get(browser.page.path)
    assert browser.page.title == "The key works"
    browser.get(f"{world.path()}/done")
    assert browser.page.title == "Setup is complete"
    assert "https://app.example/done" in browser.page.links

    assert [wrap.provider for wrap in world.seal().current.envelope.wraps] == ["cmk"]
    assert world.faults == []
