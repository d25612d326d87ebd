"""Processes: which cores they run on, what CPU time and memory they take. Linux only."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # proc_pid_stat(5), counted from the state


@dataclass(frozen=True, slots=True)
class Cores:
    """Where the server runs alone, and where everything else does."""

    server: frozenset[int]
    others: frozenset[int]

    @classmethod
    def of_this_machine(cls) -> "Cores":
        first, *rest = sorted(os.sched_getaffinity(0))
        return cls(frozenset({first}), frozenset(rest or [first]))

    @property
    def apart(self) -> bool:
        return self.server.isdisjoint(self.others)


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Run this thread on `cores`, and so whatever it starts meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(pid: int) -> list[int]:
    """Return `pid` and all its descendants."""
    found = [pid]
    for each in found:
        found += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
    return found


def cpu_us(pids: Iterable[int]) -> int:
    """User and system time of these processes, all their threads included."""
    return sum(_cpu_ticks(pid) for pid in pids) * _TICK_US


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(f"process {pid} has no VmRSS")


def busy_us(cores: Iterable[int]) -> int:
    """Time that these cores have worked, for whomever: also for the kernel, and for other guests of the machine."""
    names = {f"cpu{core}" for core in cores}
    lines = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
    # proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal
    return sum(int(line[place]) for line in lines if line[0] in names for place in (1, 2, 3, 6, 7, 8)) * _TICK_US


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[_UTIME]) + int(fields[_STIME])
