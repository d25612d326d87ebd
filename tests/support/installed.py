"""Software of others that the tests run: each in a folder of its own under .cache, made once from pins with digests."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"


class NotInstalled(Exception):
    """It cannot be installed or run here. The message says what to do."""


def made_once(folder: Path, made_from: bytes, make: Callable[[], None]) -> None:
    """Call `make`, which fills `folder`, unless it was made from the same. Processes may call this at the same time."""
    stamp, wanted = folder / "made-from", hashlib.sha256(made_from).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            make()
            stamp.write_text(wanted)


def python_with(pins: Path, folder: Path) -> Path:
    """Return a Python, in `folder`, that has what is pinned. Raises NotInstalled.

    `pins` is a file of requirements with all they need, from `uv pip compile --universal --generate-hashes
    --python-version 3.11 --no-annotate --no-header`.
    """
    made_from = f"{sys.base_prefix} {sys.version}".encode() + pins.read_bytes()
    made_once(folder, made_from, lambda: make_environment(pins, folder))
    return folder / "bin" / "python"


def make_environment(pins: Path, folder: Path) -> None:
    """Install what is pinned. Raises NotInstalled."""
    do([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--python", str(folder), "--compile-bytecode"]
    do([*uv, "--no-deps", "--require-hashes", "--requirement", str(pins)])


def go_program(pins: Path, folder: Path, *packages: str) -> Path:
    """Return the program that Go builds of the module in `pins`, or of a package that it names. Raises NotInstalled.

    `pins` has go.mod and go.sum, from `go mod tidy`.
    """
    go = shutil.which("go")
    if go is None:
        raise NotInstalled(
            "Go is missing. Install Go 1.21 or newer, which fetches what a module asks for: https://go.dev."
        )
    sources = sorted(path for path in pins.iterdir() if path.suffix in {".go", ".mod", ".sum"})
    program = folder / "program"

    def make() -> None:
        folder.mkdir()
        options = ["-mod=readonly", "-trimpath", "-o", str(program)]
        do([go, "build", *options, *(packages or ["."])], pins, CGO_ENABLED="0", GOFLAGS="", GOTOOLCHAIN="auto")

    made_once(folder, b"".join(path.read_bytes() for path in sources), make)
    return program


def do(command: Sequence[str], folder: Path | None = None, **variables: str) -> None:
    """Run a command in `folder`. Raises NotInstalled with what it said, if it fails."""
    environment: Mapping[str, str] = {**os.environ, **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise NotInstalled(f"{' '.join(command)} failed with status {done.returncode}:\n{done.stdout}")
