"""What keeps root keys out of core files and away from other processes of the same user, in every command."""

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

    assert said.stdout.splitlines() == ["core (0, 0) dumpable 0"]
    assert said.returncode == 1
