"""The settings of the portal are read strictly, also while it is off."""

import tomllib

import pytest

from sealring.errors import SettingsInvalid
from sealring.services.portal_rules import Look, PortalRules
from sealring.table import Table


@pytest.fixture
def parse(tmp_path):
    return lambda text: PortalRules.parse(Table("[portal]", tomllib.loads(text)), tmp_path)


def test_there_is_no_portal_unless_it_is_enabled(parse):
    assert parse("") is None
    assert parse('url = "https://keys.example"') is None
    assert parse('enabled = false\nurl = "https://keys.example"') is None


def test_a_portal_is_read_as_it_was_written(parse, tmp_path):
    text = """
enabled = true
url = "https://keys.example:8443"
link_ttl_s = 60
session_ttl_s = 300
return_hosts = ["app.example", "localhost:3000"]
name = "Acme & Söhne"
logo = "look/logo.SVG"
color = "#0A4f8c"
"""

    assert parse(text) == PortalRules(
        "https://keys.example:8443",
        60,
        300,
        frozenset({"app.example", "localhost:3000"}),
        Look("Acme & Söhne", tmp_path / "look/logo.SVG", "#0A4f8c"),
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        'url = ""',
        "url = 7",
        'url = "http://keys.example"',
        'url = "https://keys.example/"',
        'url = "https://user@keys.example"',
        'url = "keys.example"',
        'url = "https://KEYS.example"',
        'url = "https://keys.example"\nreturn_hosts = "app.example"',
        'url = "https://keys.example"\nreturn_hosts = ["https://app.example"]',
        'url = "https://keys.example"\nreturn_hosts = ["*.example"]',
        'url = "https://keys.example"\nreturn_hosts = [""]',
        'url = "https://keys.example"\nname = ""',
        'url = "https://keys.example"\nname = "a\\nb"',
        f'url = "https://keys.example"\nname = "{61 * "x"}"',
        'url = "https://keys.example"\nlogo = "logo.gif"',
        'url = "https://keys.example"\nlogo = ""',
        'url = "https://keys.example"\ncolor = "red"',
        'url = "https://keys.example"\ncolor = "#fff"',
        'url = "https://keys.example"\ncolor = "#0a4f8c;"',
        'url = "https://keys.example"\nlink_ttl_s = 59',
        'url = "https://keys.example"\nsession_ttl_s = 86401',
        'url = "https://keys.example"\nlinks_ttl_s = 60',
    ],
    ids=range(23),
)
def test_a_portal_that_cannot_be_meant_is_refused(parse, line):
    with pytest.raises(SettingsInvalid, match=r"^\[portal\] "):
        parse(f"enabled = true\n{line}\n")


def test_what_a_portal_that_is_off_says_is_checked_too(parse):
    with pytest.raises(SettingsInvalid, match=r"^\[portal\] color"):
        parse('color = "red"')


def test_whether_there_is_a_portal_is_yes_or_no(parse):
    with pytest.raises(SettingsInvalid, match=r"^\[portal\] enabled must be true or false"):
        parse('enabled = "yes"')
