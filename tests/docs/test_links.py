"""Links between the pages, and the files that they name."""

import re

import pytest

from docs.markdown import PAGES, READMES, ROOT, anchors, links, words

PLACE = re.compile(r"(app|config|docs|plugins|tests)/[\w./-]*")


def of(name):
    return pytest.mark.parametrize(name, [*PAGES, *READMES], ids=lambda page: str(page.relative_to(ROOT)))


every_page = of("page")


@every_page
def test_its_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")

    for link in links(text):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


@every_page
def test_the_files_that_it_names_exist(page):
    named = [word for word in words(page.read_text(encoding="utf-8")) if PLACE.fullmatch(word)]

    assert [word for word in named if not (ROOT / word).exists()] == []


def test_the_index_leads_to_every_page():
    index = ROOT / "docs" / "index.md"
    reached = {(index.parent / link).resolve() for link in links(index.read_text(encoding="utf-8"))}

    assert {page for page in PAGES if page.parent != ROOT and page != index} <= reached
