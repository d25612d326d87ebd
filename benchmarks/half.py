"""How long requests take at half of the rate that saturates a server, ours beside OpenBao's."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from failures import BenchmarkFailed
from load import Target
from paced import at_pace
from report import progress, table

ROUNDS = 3
SECONDS = 4


def measure(
    targets: Mapping[str, Target], saturated: Mapping[tuple[str, str], float], connections: int
) -> list[dict[str, Any]]:
    """Print and return p50 and p99, medians of shuffled rounds. `saturated`: the rate of each target and operation."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for number in range(1, ROUNDS + 1):
        progress(f"half of the rates, round {number} of {ROUNDS}: {len(saturated)} samples of {SECONDS} s")
        for name, operation in random.sample(list(saturated), len(saturated)):
            target = targets[name]
            try:
                played = at_pace(
                    target.url, target.plan(operation), saturated[name, operation] / 2, SECONDS, connections
                )
            except BenchmarkFailed as failure:
                raise BenchmarkFailed(f"{name}, {operation}: {failure}") from None
            found[name, operation].append((played.at(0.5), played.at(0.99)))
            target.settle()
    rows = [_row(name, operation, saturated[name, operation] / 2, each) for (name, operation), each in found.items()]
    print(f"\nAt half of the rate that saturates a server, medians of {ROUNDS} rounds; from when a request was due\n")
    print(table(("", "", "req/s", "p50 ms", "p99 ms"), [_shown(row) for row in sorted(rows, key=_order)]))
    return rows


def _row(name: str, operation: str, rate: float, found: Sequence[tuple[float, float]]) -> dict[str, Any]:
    p50, p99 = (median(each[place] for each in found) for place in (0, 1))
    return {"target": name, "operation": operation, "rate": rate, "p50_ms": p50, "p99_ms": p99}


def _order(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["operation"], row["target"]


def _shown(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["operation"], row["target"], f"{row['rate']:,.0f}", f"{row['p50_ms']:.1f}", f"{row['p99_ms']:.1f}"
