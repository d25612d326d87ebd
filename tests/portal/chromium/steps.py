"""What a person does on any page."""

ORIGIN = "http://localhost:8420"  # [portal] url of the tests' settings; the browser is told where that is


def begin(page, link):
    page.goto(link)
    press(page, "Begin")


def press(page, name):
    """Press a button, and see what it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def follow(page, name):
    with page.expect_navigation():
        page.get_by_role("link", name=name, exact=True).click()


def title(page):
    return page.get_by_role("heading", level=1)


def name_key(page, key):
    """Name a key of the example, as the fourth step asks for it."""
    page.goto(f"{ORIGIN}/portal/connect/example/key")
    page.get_by_label("Key", exact=True).fill(key)
    press(page, "Check the key")
