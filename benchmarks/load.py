"""Load: requests played over HTTP by wrk, and what they cost the server."""

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from failures import BenchmarkFailed
from processes import busy_us, cpu_us, tree
from refusals import Tally

SCRIPT = Path(__file__).with_name("load.lua")
PACKAGE = "wrk"  # of Debian and Ubuntu, and of Homebrew
INSTALL_WRK = f"wrk, the load generator, is not installed. On Debian or Ubuntu: sudo apt-get install {PACKAGE}"

_CALM_S = 3.0


@dataclass(frozen=True, slots=True)
class Request:
    """A request as load.lua plays it; `@serial@` and `@version@` are filled in there, and `hex:` is decoded."""

    method: str
    path: str
    token: tuple[str, str]  # name and value of the header
    body: str = ""
    version: str = ""


class Target(Protocol):
    """A server under load."""

    name: str
    url: str
    pid: int  # of the process whose tree is the server
    may_refuse: float  # the share of requests that may come to nothing

    def plan(self, operation: str) -> Sequence[Request]:
        """Return what to play; asked anew before each run, as versions may have moved."""

    def store_cpu_us(self) -> int:
        """CPU time of a store that is no part of the server's process tree."""

    def explain(self, request: Request) -> str:
        """Send one request, and say what came of it."""

    def settle(self) -> None:
        """Clear away what a run left behind, e.g. a large log."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard and how long to press."""

    connections: int = 16
    seconds: int = 2
    warm_up_s: int = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured run of one operation."""

    requests: int  # that were answered well
    refused: int  # or lost: those are in no other figure, but for what they cost
    rate: float  # requests a second
    cpu_us: float  # of the server, a request
    store_us: float  # of the store, a request
    p50_ms: float
    p99_ms: float
    server_busy: float  # share of a core
    load_busy: float  # share of a core that wrk took
    store_busy: float
    foreign: float  # share of the server's core that others took: a noisy sample


def check_wrk() -> None:
    if shutil.which("wrk") is None:
        raise BenchmarkFailed(INSTALL_WRK)


def wrk_version() -> str:
    if shutil.which("wrk") is None:
        return "none"
    # it has no option that only prints the version, and ends with 1
    told = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False)
    return f"{(told.stdout + told.stderr).splitlines()[0].split(' [')[0]}, package {PACKAGE}{_of_debian()}"


def _of_debian() -> str:
    if shutil.which("dpkg-query") is None:
        return ""
    told = subprocess.run(["dpkg-query", "-W", PACKAGE], capture_output=True, text=True, check=False)
    return f" {told.stdout.split()[1]}" if told.returncode == 0 else " (not from Debian's)"


def measure(target: Target, operation: str, effort: Effort, folder: Path) -> Sample:
    """Warm up, then measure. Raises BenchmarkFailed if more than the target may refuse did not succeed."""
    if effort.warm_up_s:
        _play(target, operation, effort.connections, effort.warm_up_s, folder)
    for _ in range(3):
        pids = tree(target.pid)
        _calm(target)
        plan = _write_plan(target, operation, folder)
        before = _Clocks.read(target, pids)
        outcome = _wrk(target, operation, plan, effort.connections, effort.seconds)
        if tree(target.pid) == pids:  # gunicorn replaces a worker now and then, and its CPU time is gone with it
            spent = _Clocks.read(target, pids).since(before)
            target.settle()
            return _sample(outcome, spent)
    raise BenchmarkFailed(f"{target.name}: a worker was replaced during each of three runs of {operation}")


@dataclass(frozen=True, slots=True)
class _Clocks:
    server_us: int
    store_us: int
    load_us: float
    wall_us: float
    core_us: int

    @classmethod
    def read(cls, target: Target, pids: Sequence[int]) -> "_Clocks":
        children = resource.getrusage(resource.RUSAGE_CHILDREN)  # those that have ended: wrk
        load_us = (children.ru_utime + children.ru_stime) * 1e6
        core_us = busy_us(os.sched_getaffinity(target.pid))
        return cls(cpu_us(pids), target.store_cpu_us(), load_us, time.monotonic() * 1e6, core_us)

    def since(self, before: "_Clocks") -> "_Clocks":
        return _Clocks(
            self.server_us - before.server_us,
            self.store_us - before.store_us,
            self.load_us - before.load_us,
            self.wall_us - before.wall_us,
            self.core_us - before.core_us,
        )


def _calm(target: Target) -> None:
    """Wait until the server has done what wrk left behind: versions must not move once they are read."""
    deadline, before = time.monotonic() + _CALM_S, -1
    while (now := cpu_us(tree(target.pid))) != before and time.monotonic() < deadline:
        before = now
        time.sleep(0.1)


def _sample(outcome: dict[str, int], spent: _Clocks) -> Sample:
    tally = Tally.of(outcome)
    requests = tally.done
    return Sample(
        requests=requests,
        refused=tally.failed,
        rate=requests / outcome["elapsed_us"] * 1e6,
        cpu_us=spent.server_us / requests,
        store_us=spent.store_us / requests,
        p50_ms=outcome["p50_us"] / 1000,
        p99_ms=outcome["p99_us"] / 1000,
        server_busy=spent.server_us / spent.wall_us,
        load_busy=spent.load_us / spent.wall_us,
        store_busy=spent.store_us / spent.wall_us,
        foreign=max(0.0, (spent.core_us - spent.server_us) / spent.wall_us),
    )


def _play(target: Target, operation: str, connections: int, seconds: int, folder: Path) -> dict[str, int]:
    return _wrk(target, operation, _write_plan(target, operation, folder), connections, seconds)


def _wrk(target: Target, operation: str, plan: Path, connections: int, seconds: int) -> dict[str, int]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT), target.url]
    tag = os.urandom(6).hex()
    run = subprocess.run([*command, "--", str(plan), tag], capture_output=True, text=True, check=False)
    if run.returncode:
        raise BenchmarkFailed(f"wrk failed: {run.stderr.strip()}")
    outcome: dict[str, int] = json.loads(run.stdout.splitlines()[-1])
    try:
        Tally.of(outcome).check(target.may_refuse)
    except BenchmarkFailed as failed:
        example = target.explain(target.plan(operation)[0])
        raise BenchmarkFailed(
            f"{target.name}, {operation}: {failed}. One such request now: {str(example)[:300]}"
        ) from None
    return outcome


def _write_plan(target: Target, operation: str, folder: Path) -> Path:
    path = folder / "plan.tsv"
    with path.open("w") as file:
        for each in target.plan(operation):
            file.write("\t".join((each.method, each.path, *each.token, each.body, each.version)) + "\n")
    return path
