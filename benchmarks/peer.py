"""The comparison with OpenBao, in shuffled rounds of one run, and the budgets of docs/performance.md."""

import random
import statistics
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import half
import openbao
from interpreter import Interpreter
from intervals import Estimate, ratios
from load import Effort, Sample, Target, measure, wrk_version
from processes import Cores
from refusals import Tally
from report import progress, table, trust

IN_MEMORY, RAFT, OURS = "OpenBao in memory", "OpenBao on raft", "sealring"


MANY = 64  # connections: then requests share what they send to the store


@dataclass(frozen=True, slots=True)
class Budget:
    """Our CPU time an operation, at most so many times the peer's: with few connections (16), and with many."""

    operation: str
    peer: str
    few: float
    many: float

    def at_most(self, connections: int) -> float:
        return self.many if connections >= MANY else self.few


BUDGETS = (
    Budget("read", IN_MEMORY, 0.45, 0.40),
    Budget("update", IN_MEMORY, 0.75, 0.45),
    Budget("create", IN_MEMORY, 0.60, 0.50),
    Budget("update", RAFT, 0.35, 0.25),
    Budget("create", RAFT, 0.35, 0.25),
    Budget("data-key", IN_MEMORY, 0.60, 0.55),
    Budget("decrypt", IN_MEMORY, 0.55, 0.50),
    Budget("encrypt a batch of 250", IN_MEMORY, 0.60, 0.60),
    Budget("decrypt a batch of 250", IN_MEMORY, 0.60, 0.60),
)
WITH_STORE = 0.60
WORKER_MB = 78
BYTES_AN_OBJECT = 700

_OURS_IS_THEIRS = {
    "data-key": "transit encrypt",
    "decrypt": "transit decrypt",
    "encrypt a batch of 250": "transit encrypt of a batch",
    "decrypt a batch of 250": "transit decrypt of a batch",
}

Samples = Mapping[str, Mapping[str, list[Sample]]]


def compare(  # noqa: PLR0913, PLR0917  the options of the command
    ours: Target, effort: Effort, rounds: int, folder: Path, cores: Cores, only: Collection[str]
) -> dict[str, Any]:
    """Run the budgets of some operations in each round, in an order of its own."""
    budgets = [each for each in BUDGETS if each.operation in only]
    binary = openbao.installed()
    with ExitStack() as stack:
        targets: dict[str, Target] = {OURS: ours}
        for name, storage in ((IN_MEMORY, "inmem"), (RAFT, "raft")):
            progress(f"starting and filling {name}")
            running = openbao.running_openbao(name, storage, binary, folder / storage, cores)
            targets[name] = stack.enter_context(running)
        samples: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
        for number in range(1, rounds + 1):
            every = [(OURS, each) for each in dict.fromkeys(budget.operation for budget in budgets)]
            every += [(budget.peer, budget.operation) for budget in budgets]
            random.shuffle(every)
            progress(f"round {number} of {rounds}: {len(every)} samples of {effort.seconds} s")
            for name, operation in every:
                samples[name][operation].append(measure(targets[name], operation, effort, folder))
        saturated = {
            (name, operation): statistics.median(each.rate for each in found)
            for name, operations in samples.items()
            for operation, found in operations.items()
        }
        halves = half.measure(targets, saturated, effort.connections)
    _print(samples, effort, rounds)
    return {
        "openbao": openbao.version(binary),
        "rounds": rounds,
        "samples": {name: {operation: [asdict(each) for each in found] for operation, found in operations.items()}
                    for name, operations in samples.items()},
        "half": halves,
        "ratios": [_compared(samples, budget, effort.connections) for budget in budgets],
    }  # fmt: skip


def print_budgets(compared: Mapping[str, Any], memory: Mapping[str, Any]) -> None:
    """Print what was promised beside what was measured."""
    rows = []
    for each in compared["ratios"]:
        what = f"{each['operation']}, CPU, against {_peer_side(each['operation'], each['peer'])}"
        ratio = Estimate(**each["ratio"])
        rows.append(
            (what, f"{ratio.median:.2f} x", ratio.interval(2), f"{each['at_most']:.2f} x",
             _verdict(ratio.median, each["at_most"]))
        )  # fmt: skip
        whole = Estimate(**each["with_store"])
        rows.append(
            ("  with the store's CPU", f"{whole.median:.2f} x", whole.interval(2), f"{WITH_STORE:.2f} x",
             _verdict(whole.median, WITH_STORE))
        )  # fmt: skip
    resident, size = memory["worker_mb"], memory["bytes_an_object"]
    rows.append(
        ("resident memory of a worker", f"{resident:.1f} MB", "", f"{WORKER_MB} MB", _verdict(resident, WORKER_MB))
    )
    rows.append(("store, bytes an object", f"{size:.0f}", "", f"{BYTES_AN_OBJECT}", _verdict(size, BYTES_AN_OBJECT)))
    print("\nBudgets (docs/performance.md); a ratio is the median of those of the rounds\n")
    print(table(("budget", "measured", "95 %", "at most", ""), rows))


def _print(samples: Samples, effort: Effort, rounds: int) -> None:
    rows = []
    for name, operations in samples.items():
        for operation, found in sorted(operations.items()):
            cpu = Estimate.of([each.cpu_us for each in found])
            store = statistics.median(each.store_us for each in found)
            rate = statistics.median(each.rate for each in found)
            p50, p99 = (statistics.median(getattr(each, part) for each in found) for part in ("p50_ms", "p99_ms"))
            theirs = operation if name == OURS else _OURS_IS_THEIRS.get(operation, operation)
            failed = sum(each.refused for each in found)
            refused = Tally(failed + sum(each.requests for each in found), failed)
            rows.append((f"{name}: {theirs}", f"{cpu.median:,.0f}", cpu.interval(), f"{store:,.0f}",
                         f"{1e6 / cpu.median:,.0f}", f"{rate:,.0f}", f"{p50:.1f}", f"{p99:.1f}",
                         str(refused)))  # fmt: skip
    head = ("", "CPU µs", "95 %", "store µs", "req/s a core", "req/s", "p50 ms", "p99 ms", "refused")
    print(f"\n{Interpreter.here()}; load by {wrk_version()}")
    print(
        f"{rounds} shuffled rounds, {effort.connections} connections; medians over the rounds, and where the true one"
    )
    print("is in 95 of 100 runs\n")
    print(table(head, rows))
    print(f"\n{trust(each for found in samples.values() for many in found.values() for each in many)}")


def _compared(samples: Samples, budget: Budget, connections: int) -> dict[str, Any]:
    ours, theirs = (samples[name][budget.operation] for name in (OURS, budget.peer))
    peers = [each.cpu_us for each in theirs]
    return {
        "operation": budget.operation,
        "peer": budget.peer,
        "at_most": budget.at_most(connections),
        "ratio": asdict(Estimate.of(ratios([each.cpu_us for each in ours], peers))),
        "with_store": asdict(Estimate.of(ratios([each.cpu_us + each.store_us for each in ours], peers))),
    }


def _peer_side(operation: str, peer: str) -> str:
    theirs = _OURS_IS_THEIRS.get(operation)
    return f"OpenBao's {theirs}" if theirs else peer


def _verdict(measured: float, at_most: float) -> str:
    return "holds" if measured <= at_most else "MISSED"
