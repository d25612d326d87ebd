"""Copies of the tree, in which mutants live: the checkout itself is never changed."""

import compileall
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from py_compile import PycInvalidationMode

from mutants.symbols import Change

KILL_WAIT_S = 10.0
MEMORY_BYTES = 8 << 30  # of addresses, for pytest and each process that it starts
LAST_WORDS = 15  # lines

_LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv", ".cache", ".sealring", ".hypothesis", ".*_cache", "__pycache__", "node_modules")
)
_PASSED, _FAILED = 0, 1  # of pytest; all others are about the run itself


class Verdict(Enum):
    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"  # pytest could not run the tests at all


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of tests went. `said`: its last words."""

    verdict: Verdict
    seconds: float
    said: str


# pytest, with a bound: a mutant that drops a limit may ask for all the memory of the machine.
_PYTEST = f"""
import resource, sys
import pytest
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES}, hard))
sys.exit(pytest.main())
"""


class Tree:
    """One copy of the tree, for one run of tests at a time."""

    def __init__(self, original: Path, folder: Path) -> None:
        self.root = folder / "tree"
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copytree(original, self.root, ignore=_LEFT_OUT)
        # By hash and not by time: a mutant and what it replaces may be of one second and of one size.
        compileall.compile_dir(self.root, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)

    @contextmanager
    def changed(self, change: Change) -> Iterator[None]:
        path = self.root / change.path
        before = path.read_bytes()
        path.write_text(change.text, encoding="utf-8")
        try:
            yield
        finally:
            path.write_bytes(before)

    def run(self, tests: Sequence[str], *options: str, timeout_s: float) -> Outcome:
        """Run tests of the copy. What has not ended in time has failed: whoever waits notices that."""
        command = [sys.executable, "-c", _PYTEST, "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
        began = time.monotonic()
        with (self.root.parent / "said").open("wb") as said:  # a pipe would stay open with whatever a test leaves
            self._process = subprocess.Popen(
                [*command, *options, *tests],
                cwd=self.root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            verdict = _verdict(self._process.wait(timeout_s))
        except subprocess.TimeoutExpired:
            verdict = Verdict.FAILED
        finally:
            self.end()
        return Outcome(verdict, time.monotonic() - began, self._last_words())

    def end(self) -> None:
        """End what runs, with its whole process group: servers outlive a pytest that was ended."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(KILL_WAIT_S)

    def _last_words(self) -> str:
        lines = (self.root.parent / "said").read_text(errors="replace").splitlines()
        return "\n".join(lines[-LAST_WORDS:])

    def _environment(self) -> dict[str, str]:
        sources = [self.root / "app", *sorted(self.root.glob("plugins/*/src"))]
        path = os.pathsep.join([*map(str, sources), os.environ.get("PYTHONPATH", "")])
        return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def _verdict(status: int) -> Verdict:
    return {_PASSED: Verdict.PASSED, _FAILED: Verdict.FAILED}.get(status, Verdict.BROKEN)
