"""What keeps root keys out of core files and away from other processes of the same user, in every command."""

import re
import resource
import subprocess
import sys

import pytest

RUN_AND_SEE = """
import ctypes, resource, sys
from sealring.cli.main import main
_, hard = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
try:
    main(sys.argv[1:])
finally:
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) if sys.platform == "linux" else 0
    print("core", resource.getrlimit(resource.RLIMIT_CORE), "dumpable", dumpable)
"""


@pytest.mark.parametrize(
    "command",
    [["verify"], ["token", "revocations"], ["hsm", "init-root", "--so-pin-file", "nowhere"], ["serve"]],
    ids=["of ours", "of a group", "of a provider", "that becomes the server"],
)
def test_no_command_leaves_a_core_file_or_can_be_dumped(tmp_path, command):
    """Each stops, since there are no settings; what protects its memory stays until it ends."""
    said = subprocess.run(
        [sys.executable, "-c", RUN_AND_SEE, *command, "--config", "none.toml"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )

    assert said.stdout.splitlines() == ["core (1, 1) dumpable 0"]
    assert said.returncode == 1


WHAT_A_PROGRAM_GETS = """
import os, resource, sys
from sealring.client.program import become
from sealring.server.hardening import harden
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)  # root may raise a limit
harden()
become(["cat", "/proc/self/limits"], {})
"""


def core_limits_of_a_program(inherited):
    command = [sys.executable, "-c", WHAT_A_PROGRAM_GETS, str(inherited)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return re.search(r"Max core file size +(\w+) +(\w+)", said).groups()


def test_a_core_of_a_program_with_secrets_goes_to_nobody():
    """Not even to systemd-coredump: at a limit of 0, the kernel would give it one."""
    assert core_limits_of_a_program(resource.RLIM_INFINITY) == ("1", "1")


def test_a_limit_that_cannot_be_raised_stays():
    assert core_limits_of_a_program(0) == ("0", "0")
