"""Filling a store with objects, thousands a second, by several processes and without the server's requests.

What is written is what the server writes: its own use case creates each object, on links that answer as an empty store
would, and keep the writes until there are enough for one send.
"""

import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path

from failures import BenchmarkFailed

from sealring import installation, settings, wiring
from sealring.domain.context import KeyContext
from sealring.domain.ids import OrgId
from sealring.domain.principal import Caller, Permission, Principal
from sealring.keys.bound_keys import BoundKeys
from sealring.keys.keyring import Keyring
from sealring.services.objects import Objects
from sealring.services.sealing import Sealing
from sealring.store.link import Command, Reply
from sealring.store.links import Links

LARGE = OrgId("org_01JBENCHLARGE0000000000000")  # has half of all objects
SMALL = tuple(OrgId(f"org_01JBENCH{number:018d}") for number in range(200))
VALUE = "0123456789abcdef0123456789abcdef"  # 32 bytes
SAMPLES = 1_000  # of each process: objects that requests can be made for

_BATCH = 700  # commands of one send
_STEP_US = 1_000  # between two objects
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
    began_us: int


def fill(settings_path: Path, count: int, processes: int) -> Sequence[Sample]:
    """Store `count` objects, every other one of the organization LARGE, and show how far it is."""
    began, began_us = time.monotonic(), time.time_ns() // 1000 - count * _STEP_US
    done, queue = _spawn.Array("L", processes), _spawn.Queue()
    running = [
        _spawn.Process(target=_write, args=(_Part(settings_path, count, first, processes, began_us), done, queue))
        for first in range(processes)
    ]
    for process in running:
        process.start()
    samples: list[Sample] = []
    while any(process.is_alive() for process in running):
        while not queue.empty():
            samples += queue.get()
        _show(sum(done), count, began)
        time.sleep(0.5)
    sys.stderr.write("\n")
    if any(process.exitcode for process in running):
        raise BenchmarkFailed("a process that fills the store has failed; its error stands above")
    return samples


class _Batch:
    """Links to a store in which nothing stands in the way of a write. Sends many at once, and tells the time."""

    replicas = 0

    def __init__(self, links: Links) -> None:
        self._links = links
        self._commands: list[Command] = []
        self.now_us = 0

    @contextmanager
    def borrow(self, key: bytes) -> Iterator["_Batch"]:  # noqa: ARG002  one node holds every key
        yield self

    def together(self, key: bytes, other: bytes) -> bool:  # noqa: ARG002
        return True

    def send(self, *commands: Command) -> list[Reply]:
        return [self._answer(command) for command in commands]

    def flush(self) -> None:
        with self._links.borrow(b"") as link:
            link.send(*self._commands)
        self._commands.clear()

    def _answer(self, command: Command) -> Reply:
        word = command[0]
        if word in {b"WATCH", b"MULTI"}:
            return b"OK"
        if word in {b"GET", b"HGET"}:
            return None
        if word == b"TIME":
            return [self.now_us // 1_000_000, self.now_us % 1_000_000]
        if word == b"EXEC":
            if len(self._commands) >= _BATCH:
                self.flush()
            return []
        self._commands.append(command)
        return 1


def _write(part: _Part, done: "SynchronizedArray[int]", queue: "Queue[list[Sample]]") -> None:
    config = settings.load(part.settings_path)
    environment = config.issuers[0].environment_id
    principal = Principal("urn:fill", "fill", "fill", environment, frozenset(), frozenset(Permission))
    samples = []
    with wiring.opened_stores(config) as (gateway, stores), closing(Links.to(config.store_url)) as links:
        batch = _Batch(links)
        written_to = wiring.Stores.on(batch, stores.keys, installation.DEFAULT_PARTITIONS)
        keyring = Keyring(gateway, stores.keks, BoundKeys(stores.bindings), config.managed)
        objects = Objects(written_to.objects, Sealing(keyring), written_to.audit, config.limits)
        for written, number in enumerate(range(part.first, part.count, part.step), 1):
            batch.now_us = part.began_us + number * _STEP_US
            sample = _create(objects, Caller(principal, f"fill-{number}"), number)
            if number % max(part.step, part.count // SAMPLES) < part.step:
                samples.append(sample)
            done[part.first] = written
        batch.flush()
    queue.put(samples)


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
