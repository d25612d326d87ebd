"""What the kit of seals finds: nothing in a correct provider, and in a broken one exactly what it breaks."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

HERE = Path(__file__).parent / "broken"

BREAKS = {
    "ReturnsBytes": {
        "test_a_secret_of_16_to_64_bytes_is_sealed_and_opened",
        "test_a_secret_that_the_caller_wipes_is_nobody_elses",
    },
    "ShowsTheSecret": {"test_a_sealed_secret_can_be_stored_and_does_not_show_the_secret"},
    "ReturnsOneBytearray": {"test_a_secret_that_the_caller_wipes_is_nobody_elses"},
    "WorksInItselfOnly": {"test_another_provider_of_the_same_settings_opens_it"},
    "IgnoresTheAad": {"test_another_aad_is_rejected"},
    "TakesLonger": {"test_an_altered_seal_is_rejected"},
    "HasOneKey": {"test_a_seal_of_another_key_is_rejected"},
    "ChokesOnAPastDeadline": {"test_a_deadline_that_has_passed_is_no_fault"},
    "LogsTheSecret": {"test_no_secret_is_shown"},
    "ClosesOnce": {"test_it_may_be_closed_twice"},
    "TakesAnySettings": {"test_an_unknown_or_missing_setting_is_refused"},
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """The names of the tests that failed or broke, by the class of the provider."""
    folder = tmp_path_factory.mktemp("seals")
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\njunit_family = xunit2\n")
    command = ["-m", "pytest", "-c", folder / "pytest.ini", "-p", "no:cacheprovider", HERE / "seals.py", "-q"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": ""}
    report = folder / "report.xml"
    ran = subprocess.run(
        [sys.executable, *command, f"--junitxml={report}"],
        cwd=folder,
        env=alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found = {}
    for case in ET.parse(report).getroot().iter("testcase"):
        of_class = found.setdefault(case.get("classname").rpartition(".Test")[2], set())
        if case.find("failure") is not None or case.find("error") is not None:
            of_class.add(case.get("name").partition("[")[0])
    return found


def test_a_correct_provider_keeps_every_promise(failed):
    assert failed["Correct"] == set()


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_provider_breaks_exactly_its_promise(failed, name):
    assert failed[name] == BREAKS[name]


def test_every_broken_provider_is_listed(failed):
    assert failed.keys() == BREAKS.keys() | {"Correct"}
