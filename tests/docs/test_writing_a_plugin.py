"""docs/writing-a-plugin.md shows the files of the example as they are, and its tables are complete."""

import re
import tomllib

import pytest

from docs.markdown import ROOT, blocks, read, rows, section
from sealring_plugin import ProviderError, Throttled, Unavailable, net, protocols
from sealring_plugin.conformance.hooks import Hooks

PAGE = read("docs/writing-a-plugin.md")
EXAMPLE = ROOT / "plugins" / "example"

LEFT_BEHIND = {"__pycache__", ".pytest_cache", ".venv", "dist", "report.json"}

INCLUDED = re.compile(r"^<!-- include: (\S+) -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def included():
    return [(path, code) for path, _, code in INCLUDED.findall(PAGE)]


def names(table):
    return [cells[0].strip("`") for cells in table]


def tree(folder):
    """The folder as `tree` draws it, without what tools leave behind."""
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return [str(folder.relative_to(ROOT)), *branches([path for path in files if not LEFT_BEHIND & {*path.parts}])]


def branches(paths):
    tops = sorted({path.parts[0] for path in paths})
    for top in tops:
        last = top == tops[-1]
        yield f"{'└' if last else '├'}── {top}"
        below = [path.relative_to(top) for path in paths if path.parts[0] == top and len(path.parts) > 1]
        yield from (f"{'    ' if last else '│   '}{line}" for line in branches(below))


@pytest.mark.parametrize(("path", "code"), included(), ids=[path for path, _ in included()])
def test_a_file_is_shown_as_it_is(path, code):
    assert code == (ROOT / path).read_text(encoding="utf-8")


def test_all_python_is_included():
    assert blocks(PAGE, "python") == [code for path, code in included() if path.endswith(".py")]


def test_the_tree_is_that_of_the_example():
    assert blocks(PAGE, "")[0].splitlines() == tree(EXAMPLE)


def test_the_files_that_are_copied_are_shown():
    code = {path.name for path in EXAMPLE.glob("**/*.py")} - {"__init__.py", "kms.py"}

    shown = {path.rpartition("/")[2] for path, _ in included() if path.startswith("plugins/example/")}
    assert shown == code | {"pyproject.toml"}


def test_the_settings_that_are_shown_are_taken(tmp_path):
    spec = pytest.importorskip("sealring_example.spec").SPEC
    shown = tomllib.loads(blocks(PAGE, "toml")[-1])

    assert spec.parse_config(shown["plugins"]["example"], tmp_path) == shown["plugins"]["example"]


def kinds(failure):
    """All classes below one, of the contract itself."""
    ours = [each for each in failure.__subclasses__() if each.__module__ == failure.__module__]
    return {*ours}.union(*(kinds(each) for each in ours))


def test_every_failure_is_explained():
    explained = {
        name.strip("`"): (owner, retried == "yes")
        for name, _, owner, retried in rows(section(PAGE, "## errors.py: who has to act"))
    }

    retried = {Throttled, Unavailable}
    assert explained == {each.__name__: (each.owner, each in retried) for each in kinds(ProviderError)}


def test_every_power_is_explained():
    powers = {name for name, each in vars(protocols).items() if getattr(each, "_is_protocol", False)}

    assert {*names(rows(section(PAGE, "## Optional powers")))} == powers - {
        "Protocol",
        "ManagedKeys",
        "CustomersKeys",
        "SealsRoot",
    }


def test_every_name_of_the_network_is_explained():
    explained = [name for cells in rows(section(PAGE, "## HTTPS with one deadline")) for name in cells[0].split(", ")]

    assert {name.strip("`") for name in explained} == {*net.__all__}


def test_every_hook_is_explained():
    hooks = {name for name in (*vars(Hooks), *Hooks.__annotations__) if not name.startswith("_")}

    assert {*names(rows(section(PAGE, "## test_conformance.py: the promises")))} == hooks
