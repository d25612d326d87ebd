"""This checkout beside another one: what a read and a create cost in-process, in many short pairs.

Both applications run at once, on one core, and are asked in turn: this one, that one, that one, this one. So whatever
else the machine does meets both. Two processes of the same code differ by a percent or two all their lives (where their
memory lies, how their hashes fall), so both are started anew for each round, and the interval is that of the rounds.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from failures import BenchmarkFailed
from intervals import Estimate, ratios
from processes import Cores
from report import progress, table

HERE = Path(__file__).parents[1]
ROUNDS = 16
PAIRS = 8  # of a round
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
    """Return CPU µs a request by operation, for each round, this checkout's first; print what their ratios come to."""
    rounds: dict[str, list[tuple[float, float]]] = {operation: [] for operation in OPERATIONS}
    for number in range(1, ROUNDS + 1):
        progress(f"round {number} of {ROUNDS}")
        with ExitStack() as stack:
            trees = {}
            for name, root in random.sample([("this", HERE), ("that", other)], 2):
                trees[name] = _Tree(root, folder / f"{name}{number}", min(cores.server))
                stack.callback(trees[name].close)
            for operation, found in rounds.items():
                found.append(_round(trees["this"], trees["that"], operation))
    print(f"\nCPU µs a request in-process, and this checkout over {other}: {ROUNDS} rounds of {PAIRS} pairs\n")
    print(table(["", "this", "that", "ratio", "95 % interval"], [_row(name, found) for name, found in rounds.items()]))
    return rounds


def _round(ours: _Tree, theirs: _Tree, operation: str) -> tuple[float, float]:
    """Return the least of each in one round: what else the machine does only ever adds."""
    for each in (ours, theirs):
        each.cpu_us(operation)
    spent: dict[_Tree, list[float]] = {ours: [], theirs: []}
    for _ in range(PAIRS):
        first, second = random.sample((ours, theirs), 2)
        for each in (first, second, second, first):
            spent[each].append(each.cpu_us(operation))
    return min(spent[ours]), min(spent[theirs])


def _row(operation: str, rounds: list[tuple[float, float]]) -> list[Any]:
    ours, theirs = zip(*rounds, strict=True)
    ratio = Estimate.of(ratios(ours, theirs))
    return [operation, f"{median(ours):.0f}", f"{median(theirs):.0f}", f"{ratio.median:.3f}", ratio.interval(3)]
