"""Where the portal may lead to: hosts of the settings, in a spelling that every browser reads alike."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealring.services.portal_urls import is_host, is_origin, leads_to

HOSTS = frozenset(
    {"app.example", "app.example:8443", "localhost:3000", "127.0.0.1", "[::1]:3000", "xn--bcher-kva.example"}
)


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example",
        "https://app.example/",
        "https://app.example/settings/keys",
        "https://app.example/settings?tab=keys&next=https://app.example//x#top",
        "https://app.example?x",
        "https://app.example#x",
        "https://app.example/%C3%A9/a+b(c)",
        "https://app.example:8443/x",
        "https://xn--bcher-kva.example/",
        "http://localhost:3000/x",
        "http://127.0.0.1/",
        "http://[::1]:3000/",
    ],
)
def test_a_url_of_a_host_of_the_settings_is_taken(url):
    assert leads_to(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https:app.example",
        "https:/app.example",
        "https:///app.example",
        "//app.example",
        "/settings",
        "app.example",
        "javascript:alert(1)",
        "javascript://app.example/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "ftp://app.example/",
        "HTTPS://app.example/",
        "http://app.example/",
        "http://app.example:8443/",
        "https://evil.example/",
        "https://evil.example/app.example",
        "https://evil.example#app.example",
        "https://evil.example?app.example",
        "https://app.example.evil.example/",
        "https://evilapp.example/",
        "https://sub.app.example/",
        "https://app.example@evil.example/",
        "https://app.example:x@evil.example/",
        "https://user@app.example/",
        "https://user:pass@app.example/",
        "https://@app.example/",
        "https://evil.example\\@app.example/",
        "https://app.example\\.evil.example/",
        "https:\\\\app.example/",
        "https://app.example\\evil",
        "https://app.example/\\evil.example",
        "https://app.example:443/",
        "https://app.example:/",
        "https://app.example:8444/",
        "https://app.example:08443/",
        "https://app.example:84430/",
        "https://app.example:99999999/",
        "http://localhost/",
        "http://localhost:3001/",
        "http://[::1]/",
        "https://app.example./",
        "https://app..example/",
        "https://.app.example/",
        "https://APP.example/",
        "https://\u0430pp.example/",
        "https://app。example/",
        "https://app.ex\u00adample/",
        "https://app%2eexample/",
        "https://app.example%2f@evil.example/",
        "https://bücher.example/",
        "https://app.example//evil.example",
        "https://app.example/x//y",
        "https://app.example/%",
        "https://app.example/%zz",
        "https://app.example/\u202e",
        "https://app.example/é",
        "https://app.example/a b",
        " https://app.example/",
        "https://app.example/ ",
        "https://app.example/\n",
        "https://app.example\n/",
        "\thttps://app.example/",
        "ht\ntps://app.example/",
        "https://app.example/\0",
        "https://app.example/\x7f",
        "https://app.example/\ud800",
        "https://app.example/<script>",
        'https://app.example/"onclick=',
        "https://app.example/`x`",
        "https://app.example/{x}|^",
        "https://app.example/" + "x" * 1_981,
    ],
    ids=range(73),
)
def test_any_other_is_refused(url):
    assert not leads_to(url, HOSTS)


def test_a_url_has_at_most_two_thousand_characters():
    assert leads_to("https://app.example/" + "x" * 1_980, HOSTS)


def test_no_url_is_taken_if_the_settings_name_no_host():
    assert not leads_to("https://app.example/", frozenset())


@given(st.text("htps:/\\@.#?%2f\tapexmlviz:[]", max_size=40) | st.text(max_size=30))
def test_what_is_taken_has_its_host_in_the_settings_for_pythons_parser_too(rest):
    for url in (f"https://{rest}", f"https://app.example{rest}", f"https:{rest}app.example", rest):
        if leads_to(url, HOSTS):
            assert urlsplit(url).netloc in HOSTS


@pytest.mark.parametrize("text", ["app.example", "app.example:8443", "localhost:3000", "127.0.0.1", "[::1]:3000"])
def test_a_host_of_the_settings_may_have_a_port(text):
    assert is_host(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.example",
        "https://app.example",
        "app.example/",
        "App.example",
        "a.",
        "a:0",
        "a:65536",
        "u@a",
        "é",
        "a b",
        "::1",
    ],
)
def test_nothing_else_is_a_host_of_the_settings(text):
    assert not is_host(text)


@pytest.mark.parametrize(
    "url", ["https://keys.example", "https://keys.example:8443", "http://localhost:8420", "http://127.0.0.1"]
)
def test_the_portal_is_at_a_host(url):
    assert is_origin(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example",
        "https://keys.example/",
        "https://keys.example/x",
        "https://u@keys.example",
        "keys.example",
        "https://Keys.example",
        "https://keys.example:70000",
        "https://keys.example?x",
    ],
)
def test_it_is_nowhere_else(url):
    assert not is_origin(url)
