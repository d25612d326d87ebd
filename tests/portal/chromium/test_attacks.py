"""Attacks that a browser decides about: pages of other sites that frame the portal, and that send forms to it."""

import re
from html import escape

import pytest
from playwright.sync_api import expect

from portal.chromium.elsewhere import HOSTS
from portal.chromium.steps import ORIGIN, begin, follow, name_key, title

EVERY_OTHER = pytest.mark.parametrize("host", HOSTS)


def connected(page, customer, key):
    """A session of an organization with a key. The path of the key."""
    begin(page, customer.link())
    name_key(page, key)
    expect(title(page)).to_have_text("The key works")
    return re.search(r"/portal/keys/[0-9a-f-]+", page.url)[0]


def form(path, **fields):
    """A page that sends a form at once."""
    hidden = "".join(f'<input type="hidden" name="{name}" value="{escape(text)}">' for name, text in fields.items())
    return f'<form method="post" action="{ORIGIN}{path}">{hidden}</form><script>document.forms[0].submit()</script>'


def sent_from(page, host, path):
    """What a page of another site that sends a form is answered with."""
    with page.expect_response(f"{ORIGIN}{path}") as answer:
        page.goto(f"http://{host}/", wait_until="commit")
    page.wait_for_url(f"{ORIGIN}{path}")
    return answer.value


@EVERY_OTHER
def test_no_page_is_shown_inside_one_of_another_site(page, customer, elsewhere, host):
    begin(page, customer.link())
    elsewhere.html = f'<iframe src="{ORIGIN}/portal/status" title="framed"></iframe>'
    with page.expect_response(f"{ORIGIN}/portal/status") as answer:
        page.goto(f"http://{host}/")

    framed = page.frame_locator("iframe")

    assert answer.value.status == 403
    assert framed.get_by_text("Your key").count() == framed.get_by_role("button").count() == 0


@EVERY_OTHER
def test_a_form_of_another_site_stops_nothing(page, customer, server, elsewhere, host):
    path = connected(page, customer, "key_two")
    made = customer.write()
    page.goto(f"{ORIGIN}{path}/suspend")
    token = page.locator("main input[name=token]").get_attribute("value")
    elsewhere.html = form(f"{path}/suspend", organization=customer.org, token=token)

    answer = sent_from(page, host, f"{path}/suspend")

    assert answer.status == 403
    cookies = answer.request.all_headers().get("cookie", "")
    assert ("__Host-sealring-portal" in cookies) == (host == "localhost:9999")  # so that Origin alone decides there
    assert customer.guards(made) == [("example", "usable")]


@EVERY_OTHER
def test_nobody_is_led_into_a_session_of_somebody_else(page, customer, elsewhere, host):
    """With a link of the attacker's: the victim would connect a key for the attacker's organization."""
    page.goto(customer.link())
    link, token = (page.locator(f"input[name={name}]").get_attribute("value") for name in ("link", "token"))
    elsewhere.html = form("/portal/begin", link=link, token=token)

    answer = sent_from(page, host, "/portal/begin")

    assert answer.status == 403
    assert page.context.cookies() == []


@EVERY_OTHER
def test_a_script_of_another_site_reads_no_page(page, customer, elsewhere, host):
    begin(page, customer.link())
    elsewhere.html = "<p>Hello</p>"
    page.goto(f"http://{host}/")

    read = page.evaluate(
        """async (url) => {
          const told = [];
          for (const mode of ["cors", "no-cors"]) {
            try { told.push((await (await fetch(url, {mode, credentials: "include"})).text())); } catch { told.push(""); }
          }
          return told;
        }""",
        f"{ORIGIN}/portal/status",
    )

    assert read == ["", ""]


def test_the_page_that_is_led_back_to_hears_nothing_of_the_portal(page, customer):
    asked = []
    page.route("https://app.example.com/**", lambda route: (asked.append(route.request), route.fulfill(body="back")))
    begin(page, customer.link(return_url="https://app.example.com/settings"))

    follow(page, "Back to the application")

    assert page.url == "https://app.example.com/settings"
    assert "referer" not in asked[0].all_headers()
    assert page.evaluate("document.referrer") == ""


def test_scripts_get_neither_the_cookie_nor_a_policy_that_lets_them_in(page, customer):
    begin(page, customer.link())
    (cookie,) = page.context.cookies()

    assert page.evaluate("document.cookie") == ""
    assert (cookie["name"], cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (
        "__Host-sealring-portal", True, True, "Lax", "/",
    )  # fmt: skip
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None


def test_a_key_of_another_customer_is_never_used(page, customer, server):
    """Its owner let us in, for one organization; somebody else says its name to us."""
    server.kms.owners["key_one"] = "org_of_its_owner"
    begin(page, customer.link())
    name_key(page, "key_one")

    expect(title(page)).to_have_text("The key does not work yet")

    server.kms.owners.pop("key_one")
    expect(page.locator(".finding")).to_contain_text("Access to the key is denied.")
    assert page.get_by_role("link", name="Continue").count() == 0
    assert ("example", "usable") not in customer.guards(customer.write())


@pytest.mark.parametrize("path", ["/portal/begin", "/portal/end"])
def test_a_form_of_no_origin_is_refused(page, customer, elsewhere, path):
    """From a sandbox, whose origin is `null`."""
    begin(page, customer.link())
    inside = escape(form(path).replace("<form", "<form target=_top"))
    elsewhere.html = f'<iframe sandbox="allow-forms allow-scripts allow-top-navigation" srcdoc="{inside}"></iframe>'

    answer = sent_from(page, "localhost:9999", path)

    assert answer.request.all_headers()["origin"] == "null"
    assert answer.status == 403
    page.goto(f"{ORIGIN}/portal/status")
    expect(page.get_by_role("button", name="End session")).to_be_visible()
