"""Links and sessions in a browser: a link is used by its button alone, and nobody learns what is wrong with one."""

from dataclasses import replace

import pytest

from portal.browser import ORIGIN
from sealring.crypto.form_token import form_token
from sealring.domain.events import Action
from sealring.domain.portal import PortalToken
from sealring.services.portal import PortalSessions
from support.make import ACME, BETA, caller
from support.waiting import becomes_true


def expired(world):
    """The link of a token that ended at once."""
    short = type(world.portal)(world.store.portal, replace(world.portal.rules, link_ttl_s=1))
    world.portal, before = short, world.portal
    link = world.link()
    world.portal = before
    assert becomes_true(lambda: world.portal.seen(link.partition("?token=")[2]) is None)
    return link


def used(world):
    link = world.link()
    browser = world.browser()
    browser.get(link)
    browser.send("/begin")
    return link


FAULTY = {
    "expired": expired,
    "used": used,
    "forged": lambda world: f"/portal?token={PortalToken.new(1).text}",
    "altered": lambda world: world.link()[:-1] + "=",
    "truncated": lambda world: world.link()[:-5],
    "of no partition": lambda world: f"/portal?token={PortalToken.new(60000).text}",
    "not ASCII": lambda world: "/portal?token=%ff%fe%00",
    "long": lambda world: "/portal?token=" + "A" * 4000,
}


def without_ids(page):
    return page.status, page.html


@pytest.mark.parametrize("kind", FAULTY)
def test_a_link_that_cannot_be_used_tells_nobody_why(world, kind):
    usual = without_ids(world.browser().get("/portal?token=x"))

    page = world.browser().get(FAULTY[kind](world))

    assert without_ids(page) == usual
    assert page.status == 404
    assert page.title == "This link cannot be used"


def test_a_link_that_was_used_begins_nothing_in_another_browser(world):
    link = world.link()
    first, second = world.browser(), world.browser()
    first.get(link)
    second.get(link)

    first.send("/begin")
    second.send("/begin")

    assert first.page.title == "Where is your key?"
    assert second.page.title == "This link cannot be used"
    assert second.cookie() is None


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_a_link_uses_nothing(world, method):
    link, browser = world.link(), world.browser()
    for _ in range(3):
        getattr(browser.client, method)(link, base_url=ORIGIN)
    browser.get(link)

    browser.send("/begin")

    assert browser.page.title == "Where is your key?"
    assert [event.action for event in world.store.events()].count(Action.PORTAL_SESSION_BEGAN) == 1


def test_the_button_pressed_twice_leads_to_the_session(world):
    browser = world.browser()
    browser.get(world.link())
    form = browser.page.form("/begin")
    browser.send("/begin")

    page = browser.post(form.action, form.fields)

    assert page.title == "Where is your key?"
    assert len(world.store.portal.sessions()) == 1


def test_the_back_button_on_a_used_link_offers_the_session(world):
    link, browser = world.link(), world.browser()
    browser.get(link)
    browser.send("/begin")

    browser.get(link)

    assert browser.page.links[-1] == "/portal/start"


def test_a_session_begins_only_with_the_forms_own_token(world):
    browser = world.browser()
    browser.get(world.link())
    fields = browser.page.form("/begin").fields

    page = browser.post("/portal/begin", fields | {"token": "0" * 64})

    assert page.status == 403
    assert browser.cookie() is None
    assert world.portal.seen(fields["link"]) is not None


def test_the_cookie_is_for_this_host_and_no_script_or_other_site_has_it(world):
    browser = world.browser()
    browser.get(world.link())
    form = browser.page.form("/begin")

    response = browser.client.post(form.action, data=form.fields, base_url=ORIGIN, headers={"Origin": ORIGIN})

    name, *rest = response.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-sealring-portal=")
    assert sorted(part for part in rest if not part.startswith("Expires")) == [
        "HttpOnly",
        "Max-Age=3600",
        "Path=/",
        "SameSite=Lax",
        "Secure",
    ]


def test_the_end_of_a_session_is_its_end_for_whoever_copied_the_cookie(world):
    browser = world.begun()
    copied = browser.cookie().value

    browser.send("/end")

    assert browser.page.title == "The session is over"
    assert world.portal.session(copied) is None
    assert browser.cookie() is None
    assert browser.get("/portal/start").status == 403


def test_a_session_that_the_operator_ended_shows_nothing(world):
    browser = world.bound()
    (session,) = world.store.portal.sessions()
    PortalSessions(world.store.portal).end(caller(ACME), session.text_id)

    page = browser.get("/portal/status")

    assert (page.status, page.title) == (403, "Your session has ended")
    assert "key_one" not in page.html


@pytest.mark.parametrize("path", ["/portal/start", "/portal/connect", "/portal/connect/cmk/key", "/portal/status"])
def test_no_page_is_shown_without_a_session(world, path):
    browser = world.browser()
    browser.client.set_cookie("__Host-sealring-portal", PortalToken.new(0).text, domain="keys.example")

    page = browser.get(path)

    assert (page.status, page.title) == (403, "Your session has ended")


def test_a_session_sees_and_changes_nothing_of_another_organization(world):
    world.bound(ACME)
    path = world.path(ACME)
    stranger = world.begun(BETA)

    assert stranger.get(f"{path}/check").status == 404
    assert stranger.get(f"{path}/suspend").status == 404
    assert stranger.get("/portal/status").text.count("key_one") == 0
    for action in ("check", "resume", "suspend", "remove"):
        visit = world.portal.session(stranger.cookie().value)
        token = form_token(stranger.cookie().value, f"{path}/{action}")
        page = stranger.post(f"{path}/{action}", {"token": token, "organization": "org_acme"})
        assert (visit.org, page.status) == (BETA, 404)
    assert world.binding(ACME).state.name == "ACTIVE"


def test_what_happens_to_links_and_sessions_is_in_the_audit_log(world):
    browser = world.begun()
    browser.send("/end")

    assert [event.action for event in world.store.events()] == [
        Action.PORTAL_LINK_CREATED,
        Action.PORTAL_SESSION_BEGAN,
        Action.PORTAL_SESSION_ENDED,
    ]


def test_what_a_session_does_is_in_the_audit_log_under_its_id(world):
    world.bound()
    (session,) = world.store.portal.sessions()

    made = next(event for event in world.store.events() if event.action is Action.BINDING_CREATED)

    assert (made.origin.issuer, made.origin.subject) == ("urn:sealring:portal", session.text_id)
