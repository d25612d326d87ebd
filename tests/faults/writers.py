"""Writers: processes that create objects and update them with a version check, and write down what was acknowledged."""

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.sharedctypes import SynchronizedArray
from multiprocessing.synchronize import Event

from sealring.domain.ids import uuid_text
from sealring.domain.record import ObjectRecord
from sealring.errors import NotFound, SealringError, StoreError, VersionConflict
from sealring.http.app import Services
from sealring.services.objects import ObjectLimits
from sealring.store.connection.links import Links
from support.make import caller, context, gateway, services
from support.replication import Host
from support.stores import on_links
from support.waiting import PATIENCE_S, becomes_true

THREADS = 3  # of a process, which share its links as those of a worker do
ROOT_KEY = bytes(32)

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Write:
    """A write that was acknowledged."""

    moment: float  # of the clock that all processes of a machine share
    object_id: str
    version_id: str


@dataclass
class Diary:
    """What a thread was told."""

    acknowledged: list[Write] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)  # which may, or may not, have been written
    surprises: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


@dataclass(frozen=True)
class Job:
    """What one process does: through these links, on this host."""

    url: str
    replicas: int
    host: Host
    number: int


class Writers:
    """Running processes, a job each."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._over = _spawn.Event()
        self._counts = _spawn.Array("L", len(jobs) * THREADS)
        self._diaries: Queue[list[Diary]] = _spawn.Queue()
        self._processes = [
            _spawn.Process(target=_work, args=(job, self._over, self._counts, self._diaries), daemon=True)
            for job in jobs
        ]
        for process in self._processes:
            process.start()

    def all_go_on(self, times: int = 20) -> bool:
        """Whether every thread is acknowledged again, so many times, before our patience ends."""
        before = self._counts[:]
        return becomes_true(lambda: all(now >= then + times for now, then in zip(self._counts[:], before, strict=True)))

    def end(self) -> list[Diary]:
        self._over.set()
        diaries = [diary for _ in self._processes for diary in self._diaries.get(timeout=PATIENCE_S)]
        for process in self._processes:
            process.join(PATIENCE_S)
        return diaries


ALL_VERSIONS = ObjectLimits(max_versions=100_000)  # one that made room for a later one would pass for a lost write


@contextmanager
def opened(url: str, replicas: int = 0) -> Iterator[Services]:
    """Every use case, under the keys of the writers."""
    with closing(Links.to(url, replicas)) as links, closing(gateway(ROOT_KEY)) as keys:
        yield services(on_links(links), provider_gateway=keys, limits=ALL_VERSIONS)


def lost(url: str, writes: Sequence[Write]) -> list[Write]:
    """Those that the store does not have, or cannot open any more."""
    with opened(url) as use:
        known = {object_id: _versions(use, object_id) for object_id in {each.object_id for each in writes}}
    return [each for each in writes if each.version_id not in known[each.object_id]]


def _versions(use: Services, object_id: str) -> set[str]:
    try:
        use.objects.read(caller(), object_id)
        return {uuid_text(each.id) for each in use.versions.list(caller(), object_id)}
    except SealringError:
        return set()


def _work(job: Job, over: Event, counts: SynchronizedArray, diaries: Queue) -> None:
    job.host.enter()
    diary = [Diary() for _ in range(THREADS)]
    with opened(job.url, job.replicas) as use:
        threads = [
            threading.Thread(target=_Writer(use, each, counts, job.number * THREADS + n).run, args=(over,))
            for n, each in enumerate(diary)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    diaries.put(diary)


class _Writer:
    """One thread, in an organization of its own."""

    def __init__(self, use: Services, diary: Diary, counts: SynchronizedArray, place: int) -> None:
        self._use = use
        self._diary = diary
        self._counts = counts
        self._place = place
        self._org = f"org_{place}"

    def run(self, over: Event) -> None:
        try:
            self._write(over)
        except Exception as surprise:  # noqa: BLE001  whatever it is, the test is to say it
            self._diary.surprises.append(repr(surprise))

    def _write(self, over: Event) -> None:
        number = 0
        mine: ObjectRecord | None = None
        while not over.is_set():
            number += 1
            made = self._tried(lambda number=number: self._create(number))
            mine = self._update(mine or made)

    def _create(self, number: int) -> ObjectRecord:
        """In a context that is new, so that a key-encrypting key is made as well."""
        fresh = context(organization_id=self._org, number=str(number))
        return self._use.objects.create(caller(), name=f"{self._org} {number}", value="created", context=fresh)

    def _update(self, mine: ObjectRecord | None) -> ObjectRecord | None:
        if mine is None:
            return None
        update, known = self._use.objects.update, uuid_text(mine.current.id)
        updated = self._tried(lambda: update(caller(), str(mine.id), value="updated", version_check=known, contexts=()))
        return updated or self._looked_up(mine)

    def _looked_up(self, mine: ObjectRecord) -> ObjectRecord | None:
        """An update whose answer was lost may have landed: the next one has to know."""
        try:
            return self._use.objects.describe(caller(), str(mine.id))
        except StoreError:
            return mine
        except NotFound:
            return None

    def _tried(self, write: Callable[[], ObjectRecord]) -> ObjectRecord | None:
        began = time.monotonic()
        try:
            record = write()
        except (StoreError, VersionConflict, NotFound) as refused:
            self._diary.refused[type(refused).__name__] += 1
            return None
        finally:
            ended = time.monotonic()
            self._diary.slowest_s = max(self._diary.slowest_s, ended - began)
        self._diary.acknowledged.append(Write(ended, str(record.id), uuid_text(record.current.id)))
        self._counts[self._place] += 1
        return record
