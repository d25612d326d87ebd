"""Filling a store with objects, by several processes and by the server's own use case, without its requests."""

import multiprocessing
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path
from queue import Empty

from failures import BenchmarkFailed

from sealring import settings
from sealring.domain.context import KeyContext
from sealring.domain.ids import OrgId
from sealring.domain.principal import Caller, Permission, Principal
from sealring.keys.decisions import Decisions
from sealring.observability.logs import Log
from sealring.providers.gateway import Gateway
from sealring.server import wiring
from sealring.services.health_checks import FailedKeys
from sealring.services.objects import Objects
from sealring.services.sealing import Sealing

LARGE = OrgId("org_01JBENCHLARGE0000000000000")  # has half of all objects
SMALL = tuple(OrgId(f"org_01JBENCH{number:018d}") for number in range(200))
VALUE = "0123456789abcdef0123456789abcdef"  # 32 bytes
SAMPLES = 1_000  # of each process: objects that requests can be made for

_BAR = 30

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Sample:
    """An object that is in the store, and its place in the lists."""

    id: str
    name: str
    org: OrgId
    position: tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one process writes: each `step`th of `count` objects, beginning with `first`."""

    settings_path: Path
    count: int
    first: int
    step: int


def fill(settings_path: Path, count: int, processes: int) -> Sequence[Sample]:
    """Store `count` objects, every other one of the organization LARGE, and show how far it is."""
    began = time.monotonic()
    done, queue = _spawn.Array("L", processes), _spawn.Queue()
    running = [
        _spawn.Process(target=_write, args=(_Part(settings_path, count, first, processes), done, queue))
        for first in range(processes)
    ]
    for process in running:
        process.start()
    samples: list[Sample] = []
    while any(process.is_alive() for process in running) or not queue.empty():
        with suppress(Empty):
            samples += queue.get(timeout=0.5)
        _show(sum(done), count, began)
    sys.stderr.write("\n")
    if any(process.exitcode for process in running):
        raise BenchmarkFailed("a process that fills the store has failed; its error stands above")
    return samples


def _write(part: _Part, done: "SynchronizedArray[int]", queue: "Queue[list[Sample]]") -> None:
    config = settings.load(part.settings_path)
    environment = config.issuers[0].environment_id
    principal = Principal("urn:fill", "fill", "fill", environment, frozenset(), frozenset(Permission))
    samples: list[Sample] = []
    with wiring.opened_stores(config) as (gateway, stores):
        objects = _objects(config, gateway, stores)
        for written, number in enumerate(range(part.first, part.count, part.step), 1):
            sample = _create(objects, Caller(principal, f"fill-{number}"), number)
            if number % max(part.step, part.count // SAMPLES) < part.step:
                samples.append(sample)
            done[part.first] = written
    queue.put(samples)


def _objects(config: settings.Settings, gateway: Gateway, stores: wiring.Stores) -> Objects:
    keyring = wiring.make_keyring(config, gateway, stores, FailedKeys(), Log(sys.stderr))
    return Objects(stores.objects, Sealing(keyring, Decisions(stores.bindings)), stores.audit, config.limits)


def _create(objects: Objects, caller: Caller, number: int) -> Sample:
    org = SMALL[number // 2 % len(SMALL)] if number % 2 else LARGE
    name = f"app/database/{number:09d}"
    record = objects.create(caller, name=name, value=VALUE, context=KeyContext.of({"organization_id": org}))
    return Sample(str(record.id), name, org, (record.updated_at, record.id.raw))


def _show(done: int, count: int, began: float) -> None:
    share, rate = done / count, done / (time.monotonic() - began)
    bar = "#" * int(_BAR * share)
    left = f"{(count - done) / rate:,.0f} s left" if rate else ""
    sys.stderr.write(f"\r[{bar:{_BAR}}] {done:,} of {count:,} objects, {rate:,.0f} a second, {left:12}")
    sys.stderr.flush()
