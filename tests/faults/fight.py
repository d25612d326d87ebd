"""The fight: clients use a real server over HTTP while a killer and two proxies do their worst."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from faults.clients import Client, Job, Told, work
from faults.killer import Killer
from faults.proxy import Dice, Fault, FaultProxy, nothing
from faults.report import OURS, Report
from faults.sdk_clients import SdkJob, work_with_sdk
from faults.store import MortalStore
from faults.stored import stored
from sdk.environments import command_of
from sdk.versions import Sdk
from support.live import LiveServer, is_ready, serving
from support.waiting import becomes_true

ORG = "org_fight"
STORE_ODDS = {Fault.LOSE: 0.06, Fault.DROP: 0.03, Fault.TRUNCATE: 0.03, Fault.DELAY: 0.03}
HTTP_ODDS = {Fault.LOSE: 0.02, Fault.DROP: 0.01, Fault.TRUNCATE: 0.01, Fault.DELAY: 0.02}
COMMITS = rb"\bEXEC\b"
WRITES = rb"^(POST|PUT|DELETE) "
LONGEST_S = 120.0  # of a client that nobody stops

Work = Callable[[Any, Callable[[], bool]], Told]

_spawn = get_context("spawn")


@dataclass(frozen=True)
class Plan:
    clients: int
    names: int
    seconds: float
    longest_pause_s: float = 0.8
    sdks: Sequence[Sdk] = ()  # one more client each
    store: Callable[[Path], MortalStore] = MortalStore
    harm: Callable[[Killer, float, float], None] = Killer.rage  # for so long, with pauses of at most so long
    store_odds: Mapping[Fault, float] = field(default_factory=lambda: STORE_ODDS)
    http_odds: Mapping[Fault, float] = field(default_factory=lambda: HTTP_ODDS)
    gunicorn_config: Path | None = None
    seed: int = 1


@dataclass(frozen=True)
class Field:
    """A server between two proxies."""

    store: MortalStore
    behind: FaultProxy
    server: LiveServer
    front: FaultProxy


def fight(folder: Path, plan: Plan) -> Report:
    """Fight as planned, let everything calm down, read each object once more, and look into the store."""
    with plan.store(folder) as store:
        with _field(folder, store, plan) as ground:
            killer = Killer(store, ground.server, [ground.behind, ground.front], plan.seed)
            told = _rage(ground, plan, killer)
            assert becomes_true(lambda: is_ready(ground.server))
            for each in told.values():
                each.add(_last_look(ground.server, plan, each))
            values = {name: found for sdk in plan.sdks for name, found in _values(ground.server, told[sdk.id])}
        with closing(store.client()) as client:
            found = stored(ground.server.settings, client)
    return Report(told, values, found, killer.deeds, ground.behind.made + ground.front.made)


@contextmanager
def _field(folder: Path, store: MortalStore, plan: Plan) -> Iterator[Field]:
    with (
        closing(FaultProxy(store.url)) as behind,
        serving(
            folder, f"redis://{behind.address}", gunicorn_config=plan.gunicorn_config, max_versions=10_000
        ) as server,
        closing(FaultProxy(server.url)) as front,
    ):
        yield Field(store, behind, server, front)


def _rage(ground: Field, plan: Plan, killer: Killer) -> dict[str, Told]:
    """Let clients and killer go at it, and return what the clients of each kind were told."""
    told: dict[str, Told] = defaultdict(Told)
    with _running([*_jobs(ground, plan)]) as results:
        ground.behind.plan = Dice(plan.seed, COMMITS, plan.store_odds)
        ground.front.plan = Dice(plan.seed, WRITES, plan.http_odds)
        plan.harm(killer, plan.seconds, plan.longest_pause_s)
        assert becomes_true(lambda: set(ground.behind.made + ground.front.made) == set(Fault))
    for kind, each in results:
        told[kind].add(each)
    ground.behind.plan = ground.front.plan = nothing
    return told


def _jobs(ground: Field, plan: Plan) -> Iterator[tuple[str, Work, Job | SdkJob]]:
    """What each process does, by the kind of client."""
    for number in range(plan.clients):
        token = ground.server.token(ORG, subject=f"client {number}")
        names = tuple(f"name {each}" for each in range(plan.names))
        yield OURS, work, Job(ground.front.address, token, ORG, names, plan.seed * 100 + number, number % 2 == 0)
    for sdk in plan.sdks:
        token = ground.server.token(ORG, subject=sdk.id)
        url, log = f"http://{ground.front.address}", ground.server.folder / f"{sdk.id}.log"
        yield sdk.id, work_with_sdk, SdkJob(sdk, command_of(sdk, print), url, token, ORG, log)


@contextmanager
def _running(jobs: Sequence[tuple[str, Work, Job | SdkJob]]) -> Iterator[Sequence[tuple[str, Told]]]:
    """Run each job in a process of its own, all from the same moment, until the block ends; then the results are there."""
    ready, over, reported = _spawn.Barrier(len(jobs) + 1), _spawn.Event(), _spawn.Queue()
    results: list[tuple[str, Told]] = []
    processes = [_spawn.Process(target=_report, args=(ready, over, reported, *job), daemon=True) for job in jobs]
    for process in processes:
        process.start()
    ready.wait(LONGEST_S)
    try:
        yield results
    finally:
        over.set()
    results += [reported.get(timeout=LONGEST_S) for _ in processes]
    for process in processes:
        process.join(LONGEST_S)


def _report(ready: Any, over: Any, reported: Any, kind: str, do: Work, job: Any) -> None:
    ready.wait(LONGEST_S)
    latest = time.monotonic() + LONGEST_S
    reported.put((kind, do(job, lambda: not over.is_set() and time.monotonic() < latest)))


def _last_look(server: LiveServer, plan: Plan, told: Told) -> Told:
    """Read each name and each object once more, when nothing breaks any more."""
    job = Job(server.url.removeprefix("http://"), server.token(ORG), ORG, (), plan.seed, keyed=False)
    with closing(Client(job)) as client:
        for name, history in told.histories.items():
            client.find(name)
            for each in sorted({each.object for each in history} - {""}):
                client.read(name, each)
        return client.told


def _values(server: LiveServer, told: Told) -> Iterator[tuple[str, Sequence[str]]]:
    """The values of all versions of each live object that clients knew."""
    token = server.token(ORG)
    for each in {each.object for history in told.histories.values() for each in history} - {""}:
        versions = server.ask("GET", f"/vault/v1/kv/{each}/versions", token=token)
        if versions.status == 200:
            paths = [f"/sealring/v1/kv/{each}/versions/{version['id']}" for version in versions.json["data"]]
            yield each, [server.ask("GET", path, token=token).json["value"] for path in paths]
