"""A start waits for a KMS that is away, for as long as the settings say, and ends with its reason."""

import os
import signal
from pathlib import Path

import pytest

from server.sealed_kit import AWAY, started
from support.waiting import becomes_true, is_gone

# --- the start


@pytest.fixture(autouse=True)
def _at_hand(kms):
    kms.states.clear()
    yield
    kms.states.clear()


def test_a_start_waits_for_a_kms_that_is_away(installed, kms, tmp_path):
    kms.states["1"] = AWAY
    log = tmp_path / "log"

    process = started(installed, log)
    try:
        assert becomes_true(lambda: "the root keys stay sealed for now, and are tried again: seal 1" in log.read_text())
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for each in (process.pid, int(child)):
            os.kill(each, signal.SIGHUP)  # a reload that comes too early, or a terminal that closes
        kms.states.clear()
        assert becomes_true(lambda: " serves" in log.read_text())
        assert log.read_text().count("the root keys were opened by seal 1 (example)") == 1
        assert "under root keys that were sealed" in log.read_text()
        assert "under the root key file" not in log.read_text()
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_a_start_without_a_kms_ends_after_the_time_of_the_settings_and_says_why(installed, kms, tmp_path):
    kms.states["1"] = AWAY
    log = tmp_path / "log"

    process = started(installed, log)

    assert process.wait(30) == 1
    assert (
        "cannot start: the root keys stay sealed: seal 1 (example): The key's provider does not answer. Try again later. "
        "(the KMS answered 400); restore the access to one of them, or start with `sealring serve --recovery-key`"
    ) in log.read_text()


def test_a_start_that_a_key_refuses_for_good_ends_at_once(installed, kms, tmp_path):
    kms.states["1"] = "KEY_DESTROYED"
    log = tmp_path / "log"

    process = started(installed, log)

    assert process.wait(30) == 1
    assert "tried again" not in log.read_text()


def test_a_start_that_waits_can_be_stopped(installed, kms, tmp_path):
    kms.states["1"] = AWAY
    log = tmp_path / "log"
    process = started(installed, log)
    assert becomes_true(lambda: "are tried again" in log.read_text())
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

    process.terminate()

    assert process.wait(20) == 1
    assert becomes_true(lambda: is_gone(int(child)))


def test_the_child_ends_with_a_master_that_is_killed(installed, kms, tmp_path):
    kms.states["1"] = AWAY
    log = tmp_path / "log"
    process = started(installed, log)
    assert becomes_true(lambda: "are tried again" in log.read_text())
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

    process.kill()
    process.wait(20)

    assert becomes_true(lambda: is_gone(int(child)))


# --- the recovery key, and commands


@pytest.mark.parametrize("command", ["check-config", "verify", "purge"])
def test_commands_say_in_one_line_why_the_root_keys_stay_sealed(installed, kms, command, run):
    kms.states["1"] = AWAY

    done = run(command, "--config", installed.path)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: the root keys stay sealed: seal 1 (example): ")
    assert done.stderr.count("\n") == 1
