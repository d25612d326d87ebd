"""The unit of systemd: systemd takes it, and finds it well confined."""

import re
import shutil
import subprocess
import sys

import pytest

from docs.markdown import ROOT

UNIT = ROOT / "deploy" / "systemd" / "sealring.service"
MOST_EXPOSED = 15  # tenths; systemd calls below 2.0 "OK"
WAIT_S = 45  # of the unit: the exchanges in progress, and a call to a KMS


def analyze(*arguments):
    program = shutil.which("systemd-analyze")
    assert program is not None, "the tests of the unit need systemd-analyze: sudo apt-get install systemd"
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)


def value(name):
    (found,) = re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)
    return found


@pytest.mark.torture  # systemd is on no Mac, and in few containers
def test_systemd_takes_it(tmp_path):
    """With a program that exists here."""
    unit = tmp_path / UNIT.name
    text = re.sub(r"^(User|Group)=.*", r"\1=root", UNIT.read_text(), flags=re.MULTILINE)
    unit.write_text(text.replace("/opt/sealring/bin/sealring", sys.executable))

    said = analyze("verify", str(unit))

    assert (said.returncode, said.stdout, [line for line in said.stderr.splitlines() if UNIT.name in line]) == (
        0,
        "",
        [],
    )


@pytest.mark.torture
def test_systemd_finds_it_well_confined():
    said = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", str(UNIT))

    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    "name", ["NoNewPrivileges", "PrivateDevices", "PrivateTmp", "MemoryDenyWriteExecute", "LockPersonality"]
)
def test_it_allows_nothing_that_the_server_does_not_need(name):
    assert value(name) == "yes"


def test_it_waits_for_the_end_of_requests_and_never_kills_workers_first():
    assert value("TimeoutStopSec") == f"{WAIT_S}s"
    assert value("KillMode") == "mixed"


def test_its_reload_is_that_of_the_server():
    assert value("ExecReload") == "/bin/kill -HUP $MAINPID"
    assert value("LimitCORE") == "1"
