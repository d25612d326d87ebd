"""A failover under load: what was acknowledged before, during and after it, and what of that is gone."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import redis

from faults.namespaces import Network
from faults.writers import Diary, Job, Write, Writers, lost
from support.replication import STRONG, Host, Server, Trio, running_trio
from support.waiting import becomes_true

PARTED_S = 8.0
PAUSED_S = 6.0
CALM_S = 40.0  # Sentinels look at an old primary's role every 10 s, and give it 8 s to mend its ways


@dataclass(frozen=True)
class Guard:
    """What is set against losses."""

    name: str
    options: Sequence[str]  # of the data nodes
    replicas: int  # that a write waits for


GUARDED = Guard("strong", STRONG, 1)
UNGUARDED = Guard("no guard", (), 0)


@dataclass(frozen=True)
class Report:
    fault: str
    guard: Guard
    acknowledged: Sequence[Write]
    lost: Sequence[Write]
    began: float  # when the fault did
    refused: Counter[str]
    surprises: Sequence[str]
    slowest_s: float

    def __str__(self) -> str:
        return (
            f"{self.fault}, {self.guard.name}: {len(self.acknowledged):,} acknowledged, {len(self.lost):,} of them lost"
            f"{self._when()}; nothing acknowledged for {self._gap_s():.1f} s; refused: {dict(self.refused)}; "
            f"slowest answer {self.slowest_s:.1f} s"
        )

    def _when(self) -> str:
        if not self.lost:
            return ""
        moments = [write.moment - self.began for write in self.lost]
        return f" ({len(self.lost) / len(self.acknowledged):.0%}, {min(moments):.2f} to {max(moments):.1f} s after it)"

    def _gap_s(self) -> float:
        moments = sorted(write.moment for write in self.acknowledged)
        return max(after - before for before, after in pairwise(moments))


Fault = Callable[[Trio, Network | None], Server]  # returns the primary after it


def killed(trio: Trio, _network: Network | None) -> Server:
    dead = trio.nodes[0]
    dead.process.kill()
    return _calm(trio, without=[dead])


def paused(trio: Trio, _network: Network | None) -> Server:
    process = trio.nodes[0].process
    process.send_signal(signal.SIGSTOP)
    _last(PAUSED_S)
    process.send_signal(signal.SIGCONT)
    return _calm(trio)


def parted(trio: Trio, network: Network) -> Server:
    host = network.hosts[0]
    network.part(host)
    _last(PARTED_S)
    network.join(host)
    return _calm(trio)


def failover(folder: Path, fault: Fault, guard: Guard, network: Network | None = None) -> Report:
    """Let writers write, half of them beside the primary; let it happen to the primary; let all go on; count."""
    hosts = network.hosts if network else [Host()] * 3
    with running_trio(folder, *guard.options, hosts=hosts) as trio:
        writers = Writers([Job(trio.url, guard.replicas, host, number) for number, host in enumerate(hosts[:2])])
        try:
            assert writers.all_go_on()
            began = time.monotonic()
            primary = fault(trio, network)
            assert writers.all_go_on()
        finally:
            diaries = writers.end()
        return _report(fault.__name__, guard, began, diaries, primary)


def _report(fault: str, guard: Guard, began: float, diaries: Sequence[Diary], primary: Server) -> Report:
    acknowledged = [write for diary in diaries for write in diary.acknowledged]
    return Report(
        fault=fault,
        guard=guard,
        acknowledged=acknowledged,
        lost=lost(f"unix://{primary.socket}", acknowledged),
        began=began,
        refused=sum((diary.refused for diary in diaries), Counter()),
        surprises=[surprise for diary in diaries for surprise in diary.surprises],
        slowest_s=max(diary.slowest_s for diary in diaries),
    )


def _calm(trio: Trio, *, without: Sequence[Server] = ()) -> Server:
    """The new primary, once all others follow it."""
    old = trio.nodes[0]

    def over() -> bool:
        with suppress(
            redis.ConnectionError
        ):  # Sentinels hang up everybody's connections to a node that changes its role
            return trio.settled(without=without) not in {None, old}
        return False

    assert becomes_true(over, CALM_S)
    return next(node for node in trio.nodes if node not in without and node.primary)


def _last(seconds: float) -> None:
    """A fault takes the time that it takes."""
    threading.Event().wait(seconds)
