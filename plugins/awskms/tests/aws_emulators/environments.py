"""Environments of the emulators: one folder for each under .cache/awskms, made once from the pins beside this file.

The pins come from `uv pip compile --universal --generate-hashes --python-version 3.11 --no-annotate --no-header` of
`moto[kms,sts,server]==5.2.5`; and of `localstack-core==4.4.0`, `cbor2<6` (the newer one does not fit), and what its KMS
provider imports: `boto3`, `jsonpatch`, `rolo`, `xmltodict`.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

PINS = Path(__file__).parent
CACHE = PINS.parents[3] / ".cache" / "awskms"


class NotInstalled(Exception):
    """An emulator cannot be installed here. The message says why."""


def interpreter(name, tell):
    """Return the path of a Python that has the emulator; install it first where it is missing.

    `tell` hears of what takes long. Processes may call this at the same time. Raises NotInstalled.
    """
    folder = CACHE / name
    stamp = folder / "made-from"
    wanted = _fingerprint(name)
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone(CACHE / f"{name}.lock"):
        if not stamp.is_file() or stamp.read_text() != wanted:
            tell(f"{name}: installing the emulator into {folder} (once; some twenty seconds) ...")
            shutil.rmtree(folder, ignore_errors=True)
            _make(name, folder)
            stamp.write_text(wanted)
    return str(folder / "bin" / "python")


@contextmanager
def _alone(path):
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint(name):
    pins = (PINS / f"{name}.txt").read_bytes()
    return hashlib.sha256(f"{sys.base_prefix} {sys.version}".encode() + pins).hexdigest()


def _make(name, folder):
    _do([sys.executable, "-m", "venv", "--without-pip", str(folder)])  # to install another pip takes five seconds
    pip = [sys.executable, "-m", "pip", "--python", str(folder), "--disable-pip-version-check", "--no-input"]
    _do([*pip, "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", str(PINS / f"{name}.txt")])


def _do(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise NotInstalled(f"{' '.join(command)} failed with status {done.returncode}:\n{done.stdout}")
