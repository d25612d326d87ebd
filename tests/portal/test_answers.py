"""What every answer of the pages has, where they are, and what they answer when something is wrong."""

import json
import re
import time
from statistics import median

import pytest

from portal.browser import ORIGIN
from sealring.errors import StoreUnavailable

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

PAGES = [
    "/portal?token=x",
    "/portal/start",
    "/portal/connect",
    "/portal/connect/cmk/create",
    "/portal/connect/cmk/access",
    "/portal/connect/cmk/key",
    "/portal/status",
    "/portal/nothing",
    "/portal/connect/nobody/key",
]

# Where a page could be asked to lead to somewhere else.
ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%09/evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "https://keys.example@evil.example",
    "https://keys.example.evil.example",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_headers_that_keep_it_to_itself(world, path):
    page = world.bound().get(path)

    assert page.headers["Content-Security-Policy"] == POLICY
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Request-ID"]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_anything_inline(world, path):
    page = world.bound().get(path)

    assert [tag for tag, about in page.tags if tag == "style" or (tag == "script" and "src" not in about)] == []
    assert [name for _, about in page.tags for name in about if name == "style" or name.startswith("on")] == []
    loaded = [about.get("src") or about.get("href") for tag, about in page.tags if tag in {"script", "link", "img"}]
    assert [each for each in loaded if not each.startswith("/portal/")] == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("kind", ["iframe", "frame", "embed", "object", "image", "script"])
def test_no_page_is_shown_in_another_page(world, path, kind):
    page = world.bound().get(path, Sec_Fetch_Dest=kind)

    assert page.status in {403, 404}
    assert "key_one" not in page.html


@pytest.mark.parametrize("where", ELSEWHERE)
def test_no_form_leads_anywhere_else(world, where):
    browser = world.browser()
    browser.get(world.link())
    form = browser.page.form("/begin")
    more = dict.fromkeys(("next", "return_url", "success_url", "url", "continue", "redirect"), where)

    response = browser.client.post(
        "/portal/begin", data=form.fields | more, query_string=more, base_url=ORIGIN, headers={"Origin": ORIGIN}
    )

    assert (response.status_code, response.headers["Location"]) == (303, "/portal/start")


def test_every_redirect_leads_to_a_page_of_ours(world):
    browser = world.bound()

    response = browser.client.get("/portal/start", base_url=ORIGIN)

    assert response.headers["Location"] == "/portal/status"


@pytest.mark.parametrize(
    "path",
    [
        "/portal//evil.example",
        "/portal/%2f%2fevil.example",
        "//portal/start",
        "/portal/../x",
        "/portal//status",
        "/portal/connect//evil.example/key",
        "/portal/connect/..%2f/key",
    ],
)
def test_a_path_that_is_no_page_leads_nowhere(world, path):
    response = world.bound().client.get(path, base_url=ORIGIN)

    assert response.status_code == 404
    assert "Location" not in response.headers


@pytest.mark.parametrize("host", ["api.example", "keys.example:444", "keys.example.evil.example", ""])
def test_the_pages_are_on_their_own_host_only(world, host):
    response = world.browser().client.get("/portal/start", headers={"Host": host})

    assert response.status_code == 404
    assert json.loads(response.data)["code"] == "route_not_found"


def test_a_page_needs_no_slash_and_no_other_method(world):
    browser = world.bound()

    assert browser.get("/portal/status/").status == 404
    assert browser.client.put("/portal/status", base_url=ORIGIN).status_code == 404
    assert browser.get("/portal/end").status == 405


def test_files_are_kept_by_browsers_and_pages_are_not(world):
    browser = world.browser()
    page = browser.get("/portal?token=x")
    (style,) = [about["href"] for tag, about in page.tags if tag == "link" and about["rel"] == "stylesheet"]

    loaded = browser.client.get(style, base_url=ORIGIN)

    assert loaded.headers["Cache-Control"] == "private, max-age=86400"
    assert loaded.headers["Content-Type"] == "text/css; charset=utf-8"
    assert b"--accent:#0b5c86" in loaded.data


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/portal/start"])
def test_a_page_costs_less_than_five_milliseconds(world, path):
    """Of CPU time, the store of this process and its client included."""
    browser = world.bound()
    spent = []
    for _ in range(21):
        world.clock.now += 1
        began = time.process_time()
        browser.client.get(path, base_url=ORIGIN)
        spent.append(time.process_time() - began)

    assert median(spent) < 0.005


def test_too_many_pages_of_a_session_get_a_page_that_says_when(world):
    browser = world.begun()
    browser.hurries = True
    pages = [browser.get("/portal/connect") for _ in range(40)]

    refused = [page for page in pages if page.status == 429]

    assert refused
    assert refused[0].headers["Retry-After"] == "1"
    assert "Wait a moment, and try again." in refused[0].text


def test_a_store_that_is_away_gets_a_page(world):
    browser = world.bound()

    def away(*_):
        raise StoreUnavailable("away")

    world.store.bindings.load = away
    page = browser.get("/portal/status")

    assert page.status == 503
    assert "The server cannot answer at the moment." in page.text
    assert page.headers["X-Request-ID"] in page.text


def test_a_defect_gets_a_page_and_shows_nothing_of_itself(world):
    browser = world.bound()

    def defect(*_):
        raise ZeroDivisionError("with a secret")

    world.store.bindings.load = defect
    page = browser.get("/portal/status")

    assert page.status == 500
    assert "with a secret" not in page.html + world.log.getvalue()
    assert "ZeroDivisionError" in world.log.getvalue()


def test_the_log_has_nothing_that_was_typed_and_no_token(world):
    browser = world.bound(key="key_named")
    browser.get("/portal/connect/cmk/key")
    browser.send("/key", key="typed")
    browser.get("/portal/nothing?token=typed")

    told = world.log.getvalue()

    assert "typed" not in told
    assert "key_named" not in told
    assert not re.search(r"[A-Za-z0-9_-]{46}", told)
