"""The portal with nothing but a keyboard."""

from playwright.sync_api import expect

NAME = """() => {
  const at = document.activeElement;
  const label = at.labels?.[0];
  const seen = at.type === "radio" ? label : at;
  return [(label ?? at).textContent.trim(), getComputedStyle(seen).outlineStyle];
}"""
MOST = 30  # controls of a page


def reach(page, name):
    """Press Tab until the control has the focus, which must be seen at each stop."""
    for _ in range(MOST):
        page.keyboard.press("Tab")
        told, outline = page.evaluate(NAME)
        assert outline != "none", f"nobody sees that {told!r} has the focus"
        if told == name:
            return
    raise AssertionError(f"{name!r} cannot be reached")


def test_a_key_is_connected_and_stopped_by_keyboard(page, customer, server):
    def choose(name):
        reach(page, name)
        page.keyboard.press("Enter")

    def expect_title(title):
        expect(page.get_by_role("heading", level=1)).to_contain_text(title)

    page.goto(customer.link())
    choose("Begin")
    expect_title("Where is your key?")
    choose("Example KMS")
    expect_title("Create a key in")
    reach(page, "In the console")
    page.keyboard.press("ArrowRight")
    assert page.get_by_text("kms make sealring").is_visible()
    choose("Next: grant access")
    expect_title("Grant access to the key")
    choose("Next: name the key")
    expect_title("Which key is it?")
    reach(page, "Key")
    page.keyboard.type("key_three")
    page.keyboard.press("Enter")
    expect_title("The key works")
    choose("Continue")
    expect_title("Setup is complete")
    choose("See the status")
    expect_title("Your key")
    choose("Stop all use now")
    expect_title("Stop all use of this key")
    reach(page, "Name of the organization")
    page.keyboard.type(customer.org)
    choose("Stop all use now")
    expect(page.get_by_role("status")).to_have_text(
        "Stopped. From now on, nothing that this key protects can be read or written."
    )


def test_the_content_is_one_key_away(page, customer):
    page.goto(customer.link())

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert page.evaluate(NAME)[0] == "Begin"
