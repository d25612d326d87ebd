"""Keyrings in a bucket: what a use costs that has to ask the storage, beside one that does not.

The storage is versitygw, behind a proxy that holds each answer back or does not. The application is in this process,
once for each state of its cache.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from failures import BenchmarkFailed
from in_process import Application
from report import progress, table

from archive.kit import tables
from faults.proxy import Fault, FaultProxy
from sealring import settings
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import wiring
from support.installed import NotInstalled
from support.s3 import Storage, running_storage

DELAY_S = 0.02

_COLD, _STALE, _WARM = "cached = 1", "fresh_s = 0", ""  # of [keyrings]: with one key, each is pushed out by the next
_APART_S = 0.1  # after each use, for what is read beside it
_RINGS = "/sealring/v1/keyrings"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one use: how long it took, and how often the storage was asked, beside it too."""

    ms: float
    requests: float


class Keyrings:
    """What one application answers."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def encrypt(self, ring: str) -> str:
        return str(self._one(ring, "encrypt", "v" * 32)["encrypted"])

    def decrypt(self, ring: str, encrypted: str) -> None:
        self._one(ring, "decrypt", encrypted)

    def rotate(self, ring: str) -> None:
        self._application.ask(f"{_RINGS}/{ring}/rotate", {})

    def _one(self, ring: str, what: str, value: str) -> Mapping[str, Any]:
        items: Mapping[str, Mapping[str, Any]]
        items = self._application.ask(f"{_RINGS}/{ring}/{what}", {"items": {"a": value}})["items"]
        return items["a"]


class Way:
    """The way to the storage: its plan is that of a proxy."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.requests = 0

    def plan(self, sent: bytes) -> Fault | None:
        self.requests += sent.startswith((b"GET ", b"PUT "))
        return Fault.DELAY if self.delay_s else None

    def cost(self, uses: Sequence[Callable[[], object]]) -> Cost:
        """The median of these uses, one after the other."""
        took_ms, asked = [], []
        for use in uses:
            before, began = self.requests, time.perf_counter()
            use()
            took_ms.append((time.perf_counter() - began) * 1000)
            time.sleep(_APART_S)
            asked.append(self.requests - before)
        return Cost(statistics.median(took_ms), statistics.median(asked))


def measure(folder: Path, times: int) -> dict[str, dict[str, Any]]:
    """Measure so many of each use, near and far from the storage; print what they cost, and return it."""
    try:
        with running_storage(folder / "storage") as storage:
            near, far = (_costs(folder / name, storage, Way(s), times) for name, s in (("near", 0), ("far", DELAY_S)))
    except NotInstalled as missing:
        raise BenchmarkFailed(str(missing)) from missing
    rows = [(use, f"{near[use].requests:.0f}", f"{near[use].ms:.1f}", f"{far[use].ms:.1f}") for use in near]
    print("\nOne use of a keyring in a bucket, in this process; medians\n")
    print(table(("use", "requests to the storage", "ms", f"ms, {DELAY_S * 1000:.0f} ms away"), rows))
    return {use: {"near": asdict(near[use]), "far": asdict(far[use])} for use in near}


def _costs(folder: Path, storage: Storage, way: Way, times: int) -> dict[str, Cost]:
    progress(f"keyrings in a bucket: {times} of each use, {way.delay_s * 1000:.0f} ms away")
    rings = [f"org_bench/ring{number}" for number in range(times)]
    with (
        closing(FaultProxy(storage.url, way.plan, way.delay_s)) as proxy,
        _applications(folder, storage, f"http://{proxy.address}") as (cold, stale, warm),
    ):
        first = way.cost([partial(warm.encrypt, ring) for ring in rings])
        old = {ring: warm.encrypt(ring) for ring in rings}
        for ring in rings:
            warm.rotate(ring)
        for each in (stale, warm):
            _fill(each, old)
        uses: dict[str, Sequence[Callable[[], object]]] = {
            "encrypt, not in the cache": [partial(cold.encrypt, ring) for ring in rings],
            "decrypt under an old key, not in the cache": [partial(cold.decrypt, *each) for each in old.items()],
            "encrypt, in the cache for longer than fresh_s": [partial(stale.encrypt, ring) for ring in rings],
            "encrypt, in the cache": [partial(warm.encrypt, ring) for ring in rings],
            "decrypt under an old key, in the cache": [partial(warm.decrypt, *each) for each in old.items()],
        }
        return {"encrypt, the first one: makes the key": first, **{use: way.cost(each) for use, each in uses.items()}}


def _fill(keyrings: Keyrings, sealed: Mapping[str, str]) -> None:
    for ring, encrypted in sealed.items():
        keyrings.encrypt(ring)
        keyrings.decrypt(ring, encrypted)


@contextmanager
def _applications(folder: Path, storage: Storage, url: str) -> Iterator[Sequence[Keyrings]]:
    """Applications on one store and one bucket, with nothing in the cache: cold, stale, warm."""
    with EmbeddedValkey(folder) as valkey:
        list(installation.create_files(folder, valkey.url, "local"))
        first = folder / installation.SETTINGS_FILE
        wiring.initialise_store(settings.load(first), 1)
        text, place = first.read_text(), storage.made()
        made = []
        for number, cache in enumerate((_COLD, _STALE, _WARM)):
            path = folder / f"{number}.toml"
            path.write_text(text + tables(folder, place, more=cache, url=url))
            made.append(Keyrings(Application(path)))
        yield made
