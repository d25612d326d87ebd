"""The mutation run itself, on a small tree: what it says of each mutant, and of lists that it cannot use."""

import json
from pathlib import Path

import pytest

from mutants.mutant import ListRefused, read_lists
from mutants.run import main
from mutants.symbols import Stale, change_of

MODULE = """
LIMIT = 10


class Scale:
    def fits(self, size):
        return 1 <= size <= LIMIT


def fits(size):
    return 1 <= size <= LIMIT
"""

TESTS = """
from shop.scales import Scale


def test_ten_fit():
    assert Scale().fits(10)


def test_eleven_do_not_fit():
    assert not Scale().fits(11)
"""

KILLED = {"name": "eleven", "symbol": "Scale.fits", "original": "<= LIMIT", "replacement": "<= LIMIT + 1"}
SURVIVOR = {"name": "nothing", "symbol": "Scale.fits", "original": "1 <=", "replacement": "0 <="}
GONE = {"name": "gone", "symbol": "Scale.weighs", "original": "1 <=", "replacement": "0 <="}
BROKEN = {"name": "broken", "symbol": "LIMIT", "original": "10", "replacement": "1 / 0"}
ENDLESS = {
    "name": "endless",
    "symbol": "LIMIT",
    "original": "10",
    "replacement": "__import__('threading').Event().wait()",
}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def listed(tree: Path, *mutants, package="shop") -> None:
    head = 'source = "app"\ntests = ["tests/test_scales.py"]'
    tables = (
        "\n".join(["[[mutant]]", *(f"{name} = {json.dumps(text)}" for name, text in each.items())]) for each in mutants
    )
    write(tree / f"lists/{package}.toml", "\n".join([head, *tables]))


def run(tree: Path, *arguments: str) -> int:
    return main(arguments, root=tree, lists=tree / "lists")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they load slowly
    write(tmp_path / "pyproject.toml", '[tool.pytest]\nminversion = "9"\n')
    write(tmp_path / "app/shop/__init__.py", "")
    write(tmp_path / "app/shop/scales.py", MODULE)
    write(tmp_path / "tests/test_scales.py", TESTS)
    return tmp_path


def said(capsys) -> list[str]:
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_each_mutant_is_killed_survives_or_is_stale_and_the_tree_is_never_changed(tree, capsys):
    listed(tree, KILLED)
    listed(tree, SURVIVOR, GONE, BROKEN, package="store")

    status = run(tree)

    assert status == 1
    assert said(capsys)[-6:] == [
        "package killed survived stale",
        "shop 1 0 0",
        "store 0 1 2 not good",
        "survived: store/nothing in Scale.fits, before tests/test_scales.py",
        "stale: store/gone in Scale.weighs",
        "stale: store/broken in LIMIT",
    ]
    assert (tree / "app/shop/scales.py").read_text() == MODULE
    assert sorted(path.name for path in tree.iterdir()) == ["app", "lists", "pyproject.toml", "tests"]


def test_all_is_well_where_each_mutant_is_killed_be_it_by_a_test_that_does_not_end(tree, capsys, monkeypatch):
    monkeypatch.setattr("mutants.run.TIMEOUT_S", 3.0)
    listed(tree, KILLED, ENDLESS)

    status = run(tree)

    assert status == 0
    assert said(capsys)[-1:] == ["shop 2 0 0"]


def test_tests_that_fail_anyway_kill_nothing(tree, capsys):
    listed(tree, SURVIVOR)
    write(tree / "tests/test_scales.py", TESTS.replace("11", "10"))

    status = run(tree)

    assert status == 2
    assert "1 failed, 1 passed" in capsys.readouterr().out


def test_some_mutants_can_be_chosen(tree, capsys):
    listed(tree, KILLED, SURVIVOR)
    listed(tree, KILLED, package="other")

    run(tree, "--list", "--only", "nothing", "--only", "other/eleven")

    assert said(capsys) == ["other/eleven Scale.fits", "shop/nothing Scale.fits"]


def test_a_package_can_be_chosen(tree, capsys):
    listed(tree, KILLED, SURVIVOR)
    listed(tree, KILLED, package="other")

    run(tree, "--list", "--package", "other")

    assert said(capsys) == ["other/eleven Scale.fits"]


@pytest.mark.parametrize("choice", [("--only", "twelve"), ("--package", "shops")])
def test_a_name_that_nothing_has_is_refused(tree, capsys, choice):
    listed(tree, KILLED)

    status = run(tree, *choice)

    assert status == 2
    assert f"there is no {choice[1]}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mutants", "says"),
    [
        ([KILLED | {"reason": "none"}], "shop.toml, eleven: it needs"),
        ([KILLED, KILLED], "shop/eleven: two mutants have this name"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(tree, mutants, says):
    listed(tree, *mutants)

    with pytest.raises(ListRefused, match=says):
        read_lists(tree / "lists")


# --- where a mutant stands


def change(tree, **members):
    listed(tree, KILLED | members)
    (mutant,) = read_lists(tree / "lists")
    return change_of(mutant, tree)


def test_only_the_symbol_is_changed(tree):
    made = change(tree)

    assert made.path == Path("app/shop/scales.py")
    assert made.text.splitlines()[6:] == [
        "        return 1 <= size <= LIMIT + 1",
        "",
        "",
        "def fits(size):",
        "    return 1 <= size <= LIMIT",
    ]


def test_a_module_may_move(tree):
    write(tree / "app/shop/measures/__init__.py", "")
    (tree / "app/shop/scales.py").rename(tree / "app/shop/measures/weights.py")

    assert change(tree).path == Path("app/shop/measures/weights.py")


def test_of_several_symbols_with_one_name_the_one_with_the_text_is_meant(tree):
    write(tree / "app/shop/boxes.py", "class Scale:\n    def fits(self, size):\n        return size < 3\n")

    assert change(tree, original="size < 3", replacement="size < 4").path == Path("app/shop/boxes.py")


def test_the_module_tells_apart_what_the_text_does_not(tree):
    write(tree / "app/shop/boxes.py", MODULE)

    with pytest.raises(Stale, match=r"its text stands 2 times in Scale\.fits"):
        change(tree)
    assert change(tree, symbol="boxes:Scale.fits").path == Path("app/shop/boxes.py")


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"symbol": "Scale.fit"}, "no Scale.fit below app"),
        ({"symbol": "weights:Scale.fits"}, "no weights:Scale.fits below app"),
        ({"original": "< LIMIT"}, "its text stands 0 times in Scale.fits"),
        ({"original": "size"}, "its text stands 2 times in Scale.fits"),
        ({"replacement": "<= ("}, "what it makes of Scale.fits is no Python: '\\(' was never closed"),
    ],
)
def test_a_mutant_whose_text_is_not_there_once_is_stale(tree, members, says):
    with pytest.raises(Stale, match=says):
        change(tree, **members)
