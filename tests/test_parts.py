"""The parts of the tests at once: nothing that one of them says or finds is lost."""

import io
import sys

import pytest

from parts import PARTS, PYTEST, ROOT, main

PASSES = "def test_it():\n    pass\n"
FAILS = "def test_it():\n    assert 'seen' == 'expected'\n"
SKIPS = "import pytest\n\n\ndef test_it():\n    pytest.skip('not here')\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs two parts that hold these tests, and one that is none of pytest; the exit status, and all that was said."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they load slowly
    (tmp_path / "pyproject.toml").write_text('[tool.pytest]\nminversion = "9"\naddopts = ["--import-mode=importlib"]\n')

    def run(*modules, third="print('types are right')"):
        for part, module in zip(("one", "two"), modules, strict=True):
            (tmp_path / part).mkdir()
            if module is not None:
                (tmp_path / part / f"test_{part}.py").write_text(module)
        out = io.BytesIO()
        parts = {"one": (*PYTEST, "one"), "two": (*PYTEST, "two"), "three": (sys.executable, "-c", third)}
        status = main(tmp_path, parts, out)
        return status, out.getvalue().decode()

    return run


def test_two_parts_that_pass_are_one_run_that_passes(run):
    status, said = run(PASSES, PASSES + SKIPS.replace("test_it", "test_other"))

    assert status == 0
    assert "one/test_one.py" in said
    assert "types are right" in said
    assert "two/test_two.py" in said
    assert said.splitlines()[-1].startswith("===== 2 passed, 1 skipped in ")
    assert said.splitlines()[-1].endswith("s =====")


@pytest.mark.parametrize("modules", [(FAILS, PASSES), (PASSES, FAILS)])
def test_a_part_that_fails_makes_the_whole_fail_and_says_why(run, modules):
    status, said = run(*modules)

    assert status == 1
    assert "assert 'seen' == 'expected'" in said
    assert "1 failed" in said.splitlines()[-1]
    assert "1 passed" in said.splitlines()[-1]
    assert f"(not passed: {'one' if modules[0] is FAILS else 'two'}) in " in said.splitlines()[-1]


def test_a_part_that_is_none_of_pytest_makes_the_whole_fail_too(run):
    status, said = run(PASSES, PASSES, third="import sys; sys.exit('a type is wrong')")

    assert status == 1
    assert "a type is wrong" in said
    assert said.splitlines()[-1].startswith("===== 2 passed (not passed: three) in ")


def test_a_part_that_cannot_be_collected_is_no_part_that_passes(run):
    status, said = run(PASSES, "import nothing_of_that_name\n")

    assert status == 2
    assert "1 passed, 1 error (not passed: two) in " in said.splitlines()[-1]


def test_a_part_without_tests_is_no_part_that_passes(run):
    status, _ = run(PASSES, None)

    assert status == 5


def test_each_test_is_in_one_part_only():
    stores, others, servers, uses, tests, plugins = (
        command[len(PYTEST) :] for command in PARTS.values() if command[: len(PYTEST)] == PYTEST
    )
    taken = [f"--ignore={each}" for each in (*stores, *others, *servers, *uses)]
    beside = plugins[1 : -len(taken)]

    assert all((ROOT / each).is_dir() for each in (*stores, *others, *servers, *uses, *beside))
    assert tests == ("tests", *taken, *(f"--ignore={each}" for each in beside))
    assert plugins == ("plugins", *beside, *taken)
