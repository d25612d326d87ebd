"""The page on architecture shows the house as it is."""

import ast
import re
import tomllib

import pytest

from docs.markdown import ROOT, blocks, read, section
from sealring_plugin import protocols

PAGE = "docs/architecture.md"
PACKAGE = ROOT / "app" / "sealring"
MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "__init__.py"]
FOLDERS = ("app", "benchmarks", "config", "deploy", "docs", "helm", "plugins", "tests")  # all that have Python in them

PROTOCOLS = {name for name, each in vars(protocols).items() if getattr(each, "_is_protocol", False)}


def drawn():
    """The modules of the tree on the page, as paths: rooms end in a slash, and under each stand its modules."""
    (tree,) = (block for block in blocks(read(PAGE), "") if block.startswith("app/sealring/"))
    found, room = set(), []
    for line in tree.split("plugins/", 1)[0].splitlines()[1:]:
        depth, words = (len(line) - len(line.lstrip())) // 2, line.split()
        if words[0].endswith("/"):
            room = [*room[: depth - 1], words[0].strip("/")]
            words = words[1:] if set(words[1:]) <= names(room) else []
        elif words[0].endswith(".py"):
            room, words = [], [words[0].removesuffix(".py")]
        found |= {"/".join((*room, word)) for word in words}
    return found


def names(room):
    return {path.stem for path in PACKAGE.joinpath(*room).glob("*.py")}


def imported(path):
    """Yield what a module imports of the plugin contract, by name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sealring_plugin":
            yield from (alias.name for alias in node.names)


def test_the_tree_names_every_module_in_its_room_and_no_other():
    assert drawn() == {str(path.relative_to(PACKAGE).with_suffix("")) for path in MODULES}


def test_the_layers_are_those_that_are_enforced():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]

    assert "\n".join(layers) + "\n" in blocks(read(PAGE), "")


def test_every_file_that_the_page_names_is_there():
    named = re.findall(r"`((?:\w+/)+\w+\.py)`", read(PAGE))

    assert len(named) >= 15
    assert [name for name in named if not (PACKAGE / name).is_file()] == []


def test_a_value_passes_nine_rooms_at_most():
    named = re.findall(r"`((?:\w+/)+)\w+\.py`", section(read(PAGE), "## The way of a value"))

    assert len({name.split("/")[0] for name in named} - {"domain"}) <= 9


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_holds_two_ideas(folder):
    files = list((ROOT / folder).rglob("*.py"))

    assert files
    assert [str(path.relative_to(ROOT)) for path in files if len(path.read_text().splitlines()) > 300] == []


def test_only_providers_knows_what_a_plugin_implements():
    """Who cannot name a protocol of plugins cannot ask whether an object has it, nor be given one by type."""
    elsewhere = {path for path in MODULES if path.parent != PACKAGE / "providers"}

    assert {"ManagedKeys", "CustomersKeys", "Validates"} <= PROTOCOLS
    assert {
        path.relative_to(PACKAGE): PROTOCOLS & set(imported(path))
        for path in elsewhere
        if PROTOCOLS & set(imported(path))
    } == {}
