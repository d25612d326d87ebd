"""The fight: clients use a real server over HTTP while a killer and two proxies do their worst."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

from faults.clients import Client, Job, Told, work
from faults.killer import Killer
from faults.linearizable import Operation, Outcome, contradiction
from faults.proxy import Dice, Fault, FaultProxy, nothing
from faults.store import MortalStore
from faults.stored import Stored, stored
from support.live import LiveServer, is_ready, serving
from support.waiting import becomes_true

ORG = "org_fight"
PARTITIONS = 4
STORE_ODDS = {Fault.LOSE: 0.06, Fault.DROP: 0.03, Fault.TRUNCATE: 0.03, Fault.DELAY: 0.03}
HTTP_ODDS = {Fault.LOSE: 0.02, Fault.DROP: 0.01, Fault.TRUNCATE: 0.01, Fault.DELAY: 0.02}
COMMITS = rb"\bEXEC\b"
WRITES = rb"^(POST|PUT|DELETE) "
END_S = 60.0  # after which a client that has not ended is a failure


@dataclass(frozen=True)
class Plan:
    clients: int
    names: int
    seconds: float
    longest_pause_s: float = 0.8
    store: Callable[[Path], MortalStore] = MortalStore
    harm: Callable[[Killer, float, float], None] = Killer.rage  # for so long, with pauses of at most so long
    store_odds: Mapping[Fault, float] = field(default_factory=lambda: STORE_ODDS)
    gunicorn_config: Path | None = None
    seed: int = 1


@dataclass(frozen=True)
class Report:
    histories: Mapping[str, Sequence[Operation]]
    surprises: Sequence[str]
    stored: Stored
    deeds: Counter[str]
    faults: Counter[Fault]

    @property
    def operations(self) -> Sequence[Operation]:
        return [each for history in self.histories.values() for each in history]

    @property
    def lies(self) -> Mapping[str, Sequence[Operation]]:
        """The names of which clients were told what cannot be so, and where that shows."""
        return {name: found for name, history in self.histories.items() if (found := contradiction(history))}

    @property
    def lost(self) -> Sequence[Operation]:
        """Acknowledged writes of which nothing is stored."""
        wrote = [each for each in self.operations if each.kind in {"create", "update"} and each.outcome is Outcome.OK]
        return [each for each in wrote if each.version not in self.stored.versions.get(each.object, ())]


def fight(folder: Path, plan: Plan) -> Report:
    """Fight as planned, let everything calm down, read each object once more, and look into the store."""
    with plan.store(folder) as store, closing(FaultProxy(store.url)) as behind:
        with (
            serving(folder, f"redis://{behind.address}", gunicorn_config=plan.gunicorn_config) as server,
            closing(FaultProxy(server.url)) as front,
            ProcessPoolExecutor(plan.clients, get_context("spawn")) as processes,
        ):
            killer = Killer(store, server, [behind, front], plan.seed)
            jobs = [_job(server, front.address, plan, number) for number in range(plan.clients)]
            running = [processes.submit(work, job) for job in jobs]
            behind.plan = Dice(plan.seed, COMMITS, plan.store_odds)
            front.plan = Dice(plan.seed, WRITES, HTTP_ODDS)
            plan.harm(killer, plan.seconds, plan.longest_pause_s)
            told = [each.result(END_S) for each in running]
            behind.plan = front.plan = nothing
            told.append(_look(server, jobs[0], told))
        with closing(store.client()) as client:
            found = stored(server.settings, client)
    surprises = [surprise for each in told for surprise in each.surprises]
    return Report(_by_name(told), surprises, found, killer.deeds, behind.made + front.made)


def _job(server: LiveServer, address: str, plan: Plan, number: int) -> Job:
    token = server.token(ORG, subject=f"client {number}")
    names = tuple(f"name {each}" for each in range(plan.names))
    return Job(address, token, ORG, names, plan.seed * 100 + number, time.monotonic() + plan.seconds, number % 2 == 0)


def _look(server: LiveServer, job: Job, told: Sequence[Told]) -> Told:
    """Read each name and each object once more, when nothing breaks any more."""
    assert becomes_true(lambda: is_ready(server))
    with closing(Client(replace(job, address=server.url.removeprefix("http://")))) as client:
        for name, history in _by_name(told).items():
            client.find(name)
            for each in sorted({each.object for each in history} - {""}):
                client.read(name, each)
        return client.told


def _by_name(told: Sequence[Told]) -> Mapping[str, Sequence[Operation]]:
    histories = defaultdict(list)
    for each in told:
        for name, operations in each.histories.items():
            histories[name] += operations
    return histories
