"""Microsoft's own clients, in an environment under .cache/azurekv made once from the pins of microsoft.txt.

The pins come from `uv pip compile --universal --generate-hashes --python-version 3.11 --no-annotate --no-header` of
azure-identity, azure-keyvault-keys and msal.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PINS = HERE / "microsoft.txt"
FOLDER = HERE.parents[2] / ".cache" / "azurekv"


@contextmanager
def driver(ca_file, log):
    """Yield what has the clients do a task of `microsoft_driver.py`, and returns what they made of the answers."""
    environment = {**os.environ, "REQUESTS_CA_BUNDLE": str(ca_file)}
    command, pipe = [_python(), HERE / "microsoft_driver.py"], subprocess.PIPE
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment) as process,
    ):

        def drive(**task):
            process.stdin.write(f"{json.dumps(task)}\n")
            process.stdin.flush()
            told = process.stdout.readline()
            assert told, log.read_text()
            return json.loads(told)

        yield drive  # Popen's own end closes the pipes, on which the driver ends, and waits


def _python():
    made_from = FOLDER / "made-from"
    wanted = hashlib.sha256(f"{sys.base_prefix} {sys.version}".encode() + PINS.read_bytes()).hexdigest()
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made_from.is_file() or made_from.read_text() != wanted:
            shutil.rmtree(FOLDER, ignore_errors=True)
            _make()
            made_from.write_text(wanted)
    return FOLDER / "bin" / "python"


def _make():
    # without pip: to install another one takes five seconds
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", FOLDER], check=True)
    pip = [sys.executable, "-m", "pip", "--python", FOLDER, "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", PINS], check=True)
