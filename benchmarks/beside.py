"""This checkout beside another one: what a read and a create cost in-process, in many short pairs.

Both applications run at once, on one core, and are asked in turn: this one, that one, that one, this one. So whatever
else the machine does meets both, and the interval of the ratio is narrow where that of the times is not.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

from failures import BenchmarkFailed
from processes import Cores
from report import progress, table

HERE = Path(__file__).parents[1]
PAIRS = 100
REQUESTS = 60  # of a turn: some 30 ms
OPERATIONS = ("read", "create")


class _Tree:
    """The application of one checkout, in a process of its own, with its store."""

    def __init__(self, root: Path, folder: Path, core: int) -> None:
        script = root / "benchmarks" / "in_process.py"
        if not script.is_file():
            raise BenchmarkFailed(f"{root} is no checkout that can be measured: it has no benchmarks/in_process.py")
        sources = (root / "app", *sorted(root.glob("plugins/*/src")))
        self._process = subprocess.Popen(
            [sys.executable, script, folder],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sources))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._line() != "ready":
            raise BenchmarkFailed(f"the application of {root} did not start")
        os.sched_setaffinity(self._process.pid, {core})

    def cpu_us(self, operation: str) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{operation} {REQUESTS}\n")
        self._process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def compare(other: Path, folder: Path, cores: Cores) -> dict[str, list[tuple[float, float]]]:
    """Return pairs of CPU µs a request by operation, this checkout's first; print what their ratios come to."""
    with ExitStack() as stack:
        progress("starting both")
        ours, theirs = (_Tree(root, folder / name, min(cores.server)) for root, name in ((HERE, "a"), (other, "b")))
        stack.callback(ours.close)
        stack.callback(theirs.close)
        pairs = {operation: _pairs(ours, theirs, operation) for operation in OPERATIONS}
    print(f"\nCPU µs a request in-process, and this checkout over {other}: {PAIRS} pairs of {2 * REQUESTS} requests\n")
    print(table(["", "this", "that", "ratio", "95 % interval"], [_row(name, found) for name, found in pairs.items()]))
    return pairs


def _pairs(ours: _Tree, theirs: _Tree, operation: str) -> list[tuple[float, float]]:
    progress(f"{operation}: {PAIRS} pairs")
    for each in (ours, theirs):
        each.cpu_us(operation)
    found = []
    for _ in range(PAIRS):
        first, second = random.sample((ours, theirs), 2)
        spent = {ours: 0.0, theirs: 0.0}
        for each in (first, second, second, first):
            spent[each] += each.cpu_us(operation) / 2
        found.append((spent[ours], spent[theirs]))
    return found


def _row(operation: str, pairs: list[tuple[float, float]]) -> list[Any]:
    ratios = [mine / other for mine, other in pairs]
    half = 1.96 * stdev(ratios) / len(ratios) ** 0.5
    ours, theirs = (median(side) for side in zip(*pairs, strict=True))
    low, high = mean(ratios) - half, mean(ratios) + half
    return [operation, f"{ours:.0f}", f"{theirs:.0f}", f"{mean(ratios):.3f}", f"{low:.3f} to {high:.3f}"]
