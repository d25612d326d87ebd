"""An environment with Google's own client under .cache, made once from the pins beside this file.

`google-client.txt` comes from `uv pip compile --universal --generate-hashes --python-version 3.11 --no-annotate
--no-header` of google-cloud-kms, google-crc32c and requests.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).parent / "google-client.txt"
FOLDER = Path(__file__).parents[3] / ".cache" / "gcpkms" / "google-client"


class NotInstalled(Exception):
    """The environment cannot be made here. The message says why."""


def interpreter():
    """Return the Python of the environment. Processes may call this at the same time. Raises NotInstalled."""
    stamp, wanted = FOLDER / "made-from", _fingerprint()
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(FOLDER, ignore_errors=True)
            _do(sys.executable, "-m", "venv", "--without-pip", FOLDER)  # to install another pip takes five seconds
            pip = (sys.executable, "-m", "pip", "--python", FOLDER, "--disable-pip-version-check", "--no-input")
            _do(*pip, "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", PINS)
            stamp.write_text(wanted)
    return FOLDER / "bin" / "python"


def _fingerprint():
    return hashlib.sha256(f"{sys.base_prefix} {sys.version}".encode() + PINS.read_bytes()).hexdigest()


def _do(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise NotInstalled(f"{command[0]} failed with status {done.returncode}:\n{done.stdout}")
