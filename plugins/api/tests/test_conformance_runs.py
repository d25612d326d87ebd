"""A run of the conformance kit, as an author of a provider sees it."""

import json
from pathlib import Path

import pytest

from support.pytest_runs import ALONE, run

HERE = Path(__file__).parent / "broken"

PROVIDER = """
import sys
sys.path.insert(0, {toy!r})
from sealring_plugin.conformance import ProviderConformance
from kit import KitOfCustomers
from toy import CUSTOMERS_SPEC, SPEC, Named


class TestMine(KitOfCustomers):
    made = Named
"""


@pytest.fixture
def author(tmp_path):
    return provided(tmp_path)


def provided(folder):
    (folder / "test_mine.py").write_text(PROVIDER.format(toy=str(HERE)))
    return folder


@pytest.fixture(scope="module")
def plain_run(tmp_path_factory):
    """A run beside plugins of others, and its folder."""
    folder = provided(tmp_path_factory.mktemp("plain"))
    return run(folder, "-rs"), folder


def test_the_report_names_the_versions(author):
    run(author, "--sealring-report=report.json", **ALONE)
    report = json.loads((author / "report.json").read_text())

    assert {name: type(value) for name, value in report.items()} == {
        "report": int,
        "plugin_api": int,
        "kit": str,
        "pytest": str,
        "python": str,
        "platform": str,
        "providers": list,
    }
    assert report["report"] == 1


def test_the_report_can_be_asked_for_by_a_variable(author):
    run(author, SEALRING_REPORT=str(author / "report.json"), **ALONE)

    assert json.loads((author / "report.json").read_text())["providers"][0]["provider"] == "toy"


def test_no_report_is_written_unasked(plain_run):
    _, folder = plain_run

    assert [path.name for path in folder.glob("*.json")] == []


def test_what_is_not_shown_is_reported(author):
    with (author / "test_mine.py").open("a") as file:
        file.write("    def faults(self, provider, key): return {}\n    def black_hole(self, folder): return None\n")

    ran = run(author, "--sealring-report=report.json", **ALONE)
    section = json.loads((author / "report.json").read_text())["providers"][0]

    assert ran.returncode == 0
    assert section["not_shown"] == [
        "AccessDenied",
        "ConfigInvalid",
        "ContextMismatch",
        "DeadlineExceeded",
        "KeyDestroyed",
        "KeyDisabled",
        "KeyNotFound",
        "KeyPendingDeletion",
        "Throttled",
        "Unavailable",
        "Unsupported",
        "WrongRegion",
        "black_hole",
    ]
    assert section["promises"]["test_wrap_keeps_its_deadline"] == "not shown"


@pytest.mark.parametrize(
    ("spec", "result", "missing"),
    [("CUSTOMERS_SPEC", "not shown", ["another_organization"]), ("SPEC", "not claimed", [])],
)
def test_whether_organizations_are_kept_apart_is_asked_of_keys_of_customers(author, spec, result, missing):
    with (author / "test_mine.py").open("a") as file:
        file.write("    def another_organization(self, provider, key): return None\n")
        file.write(f"    spec = {spec}\n")

    run(author, "--sealring-report=report.json", "-k", "another_organization", **ALONE)
    section = json.loads((author / "report.json").read_text())["providers"][0]

    assert set(section["promises"].values()) == {result}
    assert section["not_shown"] == missing


def test_why_wraps_are_equal_is_reported(author):
    with (author / "test_mine.py").open("a") as file:
        file.write("    deterministic = 'AES-KW has no nonce'\n")

    run(author, "--sealring-report=report.json", **ALONE)
    section = json.loads((author / "report.json").read_text())["providers"][0]

    assert section["deterministic"] == "AES-KW has no nonce"
    assert section["promises"]["test_two_wraps_of_one_dek_differ"] == "not claimed"


def test_a_provider_that_cannot_be_made_breaks_what_needs_it(author):
    with (author / "test_mine.py").open("a") as file:
        file.write("    def make_provider(self, folder): raise OSError\n")

    run(author, "--sealring-report=report.json", **ALONE)
    section = json.loads((author / "report.json").read_text())["providers"][0]

    assert section["promises"]["test_another_key_is_rejected"] == "broken"
    assert section["promises"]["test_an_unknown_setting_is_refused"] == "broken"


def test_a_broken_promise_shows_what_was_compared(author):
    with (author / "test_mine.py").open("a") as file:
        file.write("    def make_provider(self, folder): return Fixed(self.vault, 'token')\n")
        file.write("class Fixed(Named):\n    def unwrap(self, *arguments): return bytearray(2)\n")

    ran = run(author, "-k", "test_a_dek_of_16_to_64_bytes", **ALONE)

    assert r"assert [b'\x00\x00'" in ran.stdout


def test_the_end_of_a_run_sums_it_up(plain_run):
    ran, _ = plain_run

    assert "= sealring: toy =" in ran.stdout
    assert " kept, 0 broken\n" in ran.stdout
    assert "proven     BindsContext\n" in ran.stdout


def test_skips_are_summed_up_by_their_reason(plain_run):
    ran, _ = plain_run

    assert ran.stdout.count("not claimed: ManagedKeys\n") == 1


def test_tests_of_others_are_left_alone(tmp_path):
    (tmp_path / "test_other.py").write_text("class TestOther:\n    def test_it(self): pass\n")

    ran = run(tmp_path, "--sealring-report=report.json", **ALONE)

    assert "sealring:" not in ran.stdout
    assert not (tmp_path / "report.json").exists()
