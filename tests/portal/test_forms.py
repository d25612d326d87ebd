"""Forms: only pages of ours send them, each for its session and its path, and what was typed is never lost."""

import pytest

from portal.browser import ORIGIN
from sealring.crypto.form_token import form_token
from sealring.portal.forms import MAX_CHARACTERS
from support.cmk import Key
from support.make import BETA

# What a browser, or a program, sends with a form that no page of ours has made.
FOREIGN = {
    "cross-site": {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
    "same site": {"Origin": "https://app.example", "Sec_Fetch_Site": "same-site"},
    "another port": {"Origin": "https://keys.example:8443", "Sec_Fetch_Site": "same-site"},
    "plain http": {"Origin": "http://keys.example", "Sec_Fetch_Site": "cross-site"},
    "null origin": {"Origin": "null", "Sec_Fetch_Site": "same-origin"},
    "typed address": {"Origin": None, "Sec_Fetch_Site": "none"},
    "no headers": {"Origin": None, "Sec_Fetch_Site": None},
    "a lie about the site": {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"},
    "an old browser elsewhere": {"Origin": "https://evil.example", "Sec_Fetch_Site": None},
    "in a frame": {"Sec_Fetch_Dest": "iframe"},
}


UNSEEN = "There is a character in it that cannot be seen. Copy the text from the console again, or type it."


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("what", ["suspend", "check", "remove", "end"])
def test_a_form_of_another_site_does_nothing(world, kind, what):
    browser = world.bound()
    action = "/portal/end" if what == "end" else f"{world.path()}/{what}"
    token = form_token(browser.cookie().value, action)

    page = browser.post(action, {"token": token, "organization": "org_acme"}, **FOREIGN[kind])

    assert page.status == 403
    assert world.binding().state.name == "ACTIVE"
    assert world.later == []
    assert browser.get("/portal/status").status == 200


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_form_of_another_site_begins_no_session(world, kind):
    browser = world.browser()
    browser.get(world.link())
    fields = browser.page.form("/begin").fields

    page = browser.post("/portal/begin", fields, **FOREIGN[kind])

    assert page.status == 403
    assert world.portal.seen(fields["link"]) is not None


def test_a_browser_without_fetch_metadata_may_send_forms(world):
    browser = world.begun()
    form = browser.page.form("/end")

    assert browser.post(form.action, form.fields, Sec_Fetch_Site=None, Sec_Fetch_Dest=None).status == 200


@pytest.mark.parametrize("token", ["", "0" * 64, "é", "of another form", "of another session"])
def test_a_form_needs_the_token_of_its_session_and_its_path(world, token):
    browser, other = world.bound(), world.begun()
    action = f"{world.path()}/suspend"
    sent = {
        "of another form": form_token(browser.cookie().value, f"{world.path()}/check"),
        "of another session": form_token(other.cookie().value, action),
    }.get(token, token)

    page = browser.post(action, {"token": sent, "organization": "org_acme"})

    assert page.status == 403
    assert world.binding().state.name == "ACTIVE"


def test_what_was_typed_survives_the_end_of_the_session(world):
    world.kms["key_one"] = Key()
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")
    form = browser.page.form("/key")
    world.portal.end(world.portal.session(browser.cookie().value), "request")

    kept = browser.post(form.action, form.fields | {"key": "key_one", "option-rotation": "off"})
    assert (kept.status, kept.title) == (403, "Your session has ended")
    assert kept.form("/key").fields == {"key": "key_one", "option-rotation": "off"}
    assert world.bindings() == []

    again = kept.form("/key")
    browser.get(world.link())
    browser.send("/begin")
    page = browser.post(again.action, again.fields)
    assert page.status == 403
    assert "Nothing was sent yet" in page.text
    assert world.bindings() == []

    browser.send("/key")
    world.work()
    assert [(each.key, dict(each.options)["rotation"]) for each in world.bindings()] == [("key_one", "off")]


def test_a_form_of_another_site_gets_nothing_back_of_what_it_sent(world):
    page = world.browser().post("/portal/connect/cmk/key", {"key": "call 555"}, Origin="https://evil.example")

    assert page.status == 403
    assert "call 555" not in page.html


def test_what_one_organization_typed_is_not_sent_for_another(world):
    """A browser has one session: a page of the former one does nothing in the new one."""
    world.kms["key_one"] = Key()
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")
    former = browser.page.form("/key")
    browser.get(world.link(BETA))
    browser.send("/begin")

    page = browser.post(former.action, former.fields | {"key": "key_one"})

    assert "Nothing was sent yet" in page.text
    assert world.bindings() == world.bindings(BETA) == []


def test_a_field_with_200_kilobytes_is_refused_in_a_friendly_way(world):
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")

    page = browser.send("/key", key="x" * 200_000)

    assert page.status == 413
    assert "What was sent is too long. Go back, and shorten it." in page.text
    assert world.bindings() == []


def test_a_field_that_is_too_long_has_its_error_beside_it(world):
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")

    page = browser.send("/key", key="key_" + "x" * MAX_CHARACTERS)

    assert page.status == 422
    assert "This is too long: at most 2048 characters." in page.text
    assert page.form("/key").fields["key"] == "key_" + "x" * MAX_CHARACTERS


@pytest.mark.parametrize(
    ("typed", "error", "field"),
    [
        ({"key": ""}, "This is needed.", "key"),
        ({"key": "  "}, "This is needed.", "key"),
        ({"key": "another"}, "A key's name begins with key_.", "key"),
        ({"key": "key_\u200bone"}, UNSEEN, "key"),
        ({"key": "key_\u202egnp.exe"}, UNSEEN, "key"),
        ({"key": "key_\0one"}, UNSEEN, "key"),
        ({"key": "key_one\r\nkey_two"}, UNSEEN, "key"),
        ({"key": "\u200b\ufeff"}, "This is needed.", "key"),
    ],
)
def test_an_error_is_beside_its_field_and_named_by_it(world, typed, error, field):
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")

    page = browser.send("/key", **typed)

    about = next(about for tag, about in page.tags if tag == "input" and about.get("id") == field)
    assert about["aria-invalid"] == "true"
    assert f"{field}-error" in about["aria-describedby"].split()
    assert f'id="{field}-error">{error.replace(chr(39), "&#39;")}</span>' in page.html


@pytest.mark.parametrize("pasted", ["\ufeffkey_one", "\u200bkey_one\u200b", "\u00a0key_one\r\n", "\u200ekey_one\u200f"])
def test_what_copying_puts_around_a_name_does_no_harm(world, pasted):
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")

    browser.send("/key", key=pasted)

    assert world.binding().key == "key_one"


@pytest.mark.parametrize(
    "name",
    [
        "key_<script>alert(1)</script>",
        'key_" autofocus onfocus="alert(1)',
        "key_\u05d0\u05d1\u05d2 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
        "key_{{7*7}}",
        "key_" + "\U0001f511" * 200,
    ],
)
def test_names_in_any_script_are_shown_as_they_are_and_as_nothing_else(world, name):
    browser = world.begun()
    browser.get("/portal/connect/cmk/key")

    page = browser.send("/key", key=name)

    assert page.path.endswith("/check")
    assert [about for tag, about in page.tags if tag == "script" and "src" not in about] == []
    assert [name for tag, about in page.tags for name in about if name.startswith("on")] == []
    assert name in page.text
    assert '<p class="named" dir="auto">' in page.html


@pytest.mark.parametrize(("fields", "status"), [(100, 422), (101, 413), (20_000, 413)])
def test_a_form_of_many_fields_is_not_read(world, fields, status):
    browser = world.begun()
    form = browser.get("/portal/connect/cmk/key").form("/key")

    page = browser.post(form.action, form.fields | {f"f{number}": "" for number in range(fields - len(form.fields))})

    assert page.status == status


def test_a_form_in_parts_is_none(world):
    browser = world.begun()
    form = browser.get("/portal/connect/cmk/key").form("/key")
    parts = {"Content-Type": "multipart/form-data", "Origin": ORIGIN}

    response = browser.client.post(form.action, data=form.fields | {"key": "key_one"}, headers=parts, base_url=ORIGIN)

    assert response.status_code == 403
    assert world.bindings() == []


def test_a_form_of_another_kind_is_no_form(world):
    browser = world.begun()

    response = browser.client.post(
        "/portal/end", json={"token": "x"}, base_url="https://keys.example", headers={"Origin": "https://keys.example"}
    )

    assert response.status_code == 403
