"""The texts: every one that a page names is in the file, every one in the file is used, and none is in a template."""

import re
import tomllib
from importlib.resources import files

from sealring.portal.texts import Texts

PORTAL = files("sealring.portal")
TEMPLATES = [path.read_text() for path in (PORTAL / "templates").iterdir()]
CODE = [path.read_text() for path in PORTAL.iterdir() if path.name.endswith(".py")]
TABLE = tomllib.loads((PORTAL / "texts" / "en.toml").read_text())

# Named by a value: t.state.get(key.state), for example.
BY_VALUE = ("steps", "state", "result", "said", "error", "check.probe", "check.outcome", "status.option")
OF_A_CHECK = {"check.running", "check.passed", "check.warned", "check.failed", "check.stopped", "check.conflict"}


def flat(table, before=""):
    for name, each in table.items():
        if isinstance(each, dict):
            yield from flat(each, f"{before}{name}.")
        else:
            yield before + name


def named():
    found = set()
    for text in (*TEMPLATES, *CODE):
        found |= set(re.findall(r"\b(?:t|texts|_texts)\.([a-z]+(?:\.[a-z_]+)+)", text))
    return {each.removesuffix(".format").removesuffix(".get") for each in found}


def test_every_text_that_a_page_names_is_there():
    tables = {"check", *BY_VALUE}
    assert named() - set(flat(TABLE)) - tables == set()


def test_every_text_is_used():
    by_value = {each for each in flat(TABLE) if each.rpartition(".")[0] in BY_VALUE}
    assert set(flat(TABLE)) - named() - by_value - OF_A_CHECK == set()


def test_no_template_has_words_of_its_own():
    for template in TEMPLATES:
        bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", "", template, flags=re.DOTALL)
        assert re.findall(r"[A-Za-z]{2,}", bare) == []


def test_a_text_of_another_name_is_empty():
    texts = Texts.load()

    assert texts.state.get("active") == "In use"
    assert texts.state.get("nothing") == ""
    assert texts.get("state") == ""
