"""The documentation as a site: it has every page, builds without a warning and loads nothing from other hosts."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import yaml

from docs.markdown import PAGES, ROOT

FOLDER = ROOT / "docs"
LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}


class Settings(yaml.SafeLoader):
    """mkdocs.yml names a function of Python, which no test needs."""


Settings.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


class Loads(HTMLParser):
    """What a browser fetches to show a page; `canonical` and the like are only links."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "link" and dict(attrs)["rel"] not in {"stylesheet", "icon", "preconnect", "preload", "prefetch"}:
            return
        self.found += [value for name, value in attrs if (tag, name) in LOADED]


def listed(nav):
    for entry in nav:
        if isinstance(entry, str):
            yield entry
        else:
            (below,) = entry.values()
            yield from [below] if isinstance(below, str) else listed(below)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (said.returncode, "WARNING" in said.stderr) == (0, False), said.stderr
    return folder


@pytest.fixture(scope="module")
def shown(built):
    """The HTML of every page, by its place in the site."""
    return {str(page.relative_to(built)): page.read_text(encoding="utf-8") for page in built.glob("**/*.html")}


def test_make_docs_is_as_strict():
    """`--quiet` would hide warnings from `--strict`, and the build would succeed."""
    assert " $(BIN)/mkdocs build --strict\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_navigation_has_every_page_once():
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Settings)
    pages = [str(page.relative_to(FOLDER)) for page in PAGES if page.is_relative_to(FOLDER)]
    of_the_root = ["changelog.md", "contributing.md", "security.md"]

    assert sorted(listed(settings["nav"])) == sorted([*pages, *of_the_root])


def test_the_site_has_the_pages_of_the_navigation(shown):
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Settings)

    assert {page.removesuffix(".md") + ".html" for page in listed(settings["nav"])} == set(shown) - {"404.html"}


def test_links_out_of_the_folder_lead_to_the_page_on_the_site(shown):
    assert '<a href="security.html">Security</a>' in shown["index.html"]
    assert '<a href="storage.html#root-of-trust">details</a>' in shown["security.html"]


def test_a_link_to_a_file_that_is_no_page_becomes_its_text(shown):
    assert "(tests/parts.py)" in shown["contributing.html"]
    assert not re.search(r'href="[^"]*parts\.py', shown["contributing.html"])


def test_no_page_loads_anything_from_another_host(shown, built):
    for name, page in shown.items():
        loads = Loads()
        loads.feed(page)
        assert [each for each in loads.found if re.match(r"(https?:)?//", each)] == [], name
    for style in built.glob("**/*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_no_list_and_no_table_falls_apart(shown):
    """Python-Markdown wants four spaces before what belongs to an item of a list; GitHub takes three."""
    for name, page in shown.items():
        paragraphs = re.findall(r"<p>(.*?)</p>", page, re.DOTALL)
        assert [each for each in paragraphs if re.search(r"^(\d+\. |\* |\|)", each, re.MULTILINE)] == [], name
