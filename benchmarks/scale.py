"""Scale: what a store costs and a request takes where there are ten thousand objects, and where there are a million.

All stores run side by side, each with a server, and are asked in turn, so that what disturbs the machine disturbs all.
One client with one connection asks: what is measured is how long a request takes, not how many a server bears.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import quote

import report
from failures import BenchmarkFailed
from filling import LARGE, Sample, fill
from load import Effort
from processes import Cores, cpu_us, pinned, tree
from redis import Redis
from report import progress, table
from servers import Client, Sealring, initialise, serving

from sealring import settings
from sealring.domain.ports import Order
from sealring.observability.logs import Log
from sealring.operator.embedded import EmbeddedValkey
from sealring.server import application, wiring
from sealring.server.inheritance import Inheritance
from sealring.services.cursors import Cursor, Cursors, IssuedAs

SIZES = (10_000, 100_000, 1_000_000)
PAGE = 100

_KV = "/vault/v1/kv"


@dataclass(frozen=True, slots=True)
class Weight:
    """What a filled store costs."""

    bytes_an_object: float  # growth of used_memory, its audit event included
    audit_bytes: float  # of its event
    file_bytes: float  # of the append-only file, rewritten
    fill_s: float
    store_start_s: float  # with the file in the page cache
    server_start_s: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What requests of one kind took in one round."""

    requests: int
    p50_ms: float
    p99_ms: float
    server_us: float  # CPU time of a request
    store_us: float


@dataclass(frozen=True, slots=True)
class Filled:
    """A store of some size, its server, and how to ask it."""

    size: int
    weight: Weight
    server: Sealring
    requests: Mapping[str, Callable[[], tuple[str, Mapping[str, str]]]]  # path and headers of a new one
    client: Client


def measure(  # noqa: PLR0913, PLR0917  what one chooses on the command line
    folder: Path, sizes: Sequence[int], cores: Cores, keys: str, effort: Effort, rounds: int
) -> dict[str, Any]:
    """Fill a store of each size, ask all of them in turn, and print what each took."""
    with ExitStack() as stack:
        stores = [stack.enter_context(_filled(folder / str(size), size, cores, keys)) for size in sizes]
        print(f"\n{_weights_table(stores)}\n")
        taken = _ask(stores, effort, rounds)
        result = report.surroundings(cores, effort, stores[-1].server.store.info())
    print(
        f"One worker, one connection, pages of {PAGE}; ms: the least of {rounds} shuffled rounds of {effort.seconds} s,"
    )
    print("since whatever else the machine does can only add to it\n")
    print(_times_table(taken))
    print(f"\nCPU µs of a request\n\n{_cpu_table(taken)}")
    return result | {
        "weights": {store.size: asdict(store.weight) for store in stores},
        "requests": {
            name: {size: [asdict(each) for each in of_size] for size, of_size in by_size.items()}
            for name, by_size in taken.items()
        },
    }


@contextmanager
def _filled(folder: Path, size: int, cores: Cores, keys: str) -> Iterator[Filled]:
    progress(f"filling a store with {size:,} objects")
    with EmbeddedValkey(folder) as valkey, Redis.from_url(valkey.url) as store:
        path = initialise(folder, valkey.url, keys)
        empty = store.info("memory")["used_memory"]
        store.config_set("appendonly", "no")
        began = time.monotonic()
        with pinned(cores.server | cores.others):
            samples = fill(path, size, processes=len(cores.server | cores.others))
        fill_s = time.monotonic() - began
        used = store.info("memory")["used_memory"] - empty
        audit = sum(store.memory_usage(key, samples=0) for key in store.scan_iter("s1:*:a", count=10_000))
        _write_file(store)
        file_bytes = store.info("persistence")["aof_base_size"]
    progress("starting it again")
    began = time.monotonic()
    with EmbeddedValkey(folder) as valkey:
        store_start_s = time.monotonic() - began
        began = time.monotonic()
        with serving(folder, valkey.url, cores) as server:
            server_start_s = time.monotonic() - began
            weight = Weight(used / size, audit / size, file_bytes / size, fill_s, store_start_s, server_start_s)
            yield Filled(size, weight, server, _requests(server, samples), Client(server.port))


def _write_file(store: Redis) -> None:
    """Write the append-only file, which was off so that filling is fast, and go on with it."""
    store.config_set("appendonly", "yes")
    while (info := store.info("persistence"))["aof_rewrite_in_progress"] or info["aof_rewrite_scheduled"]:
        time.sleep(0.1)
    if info["aof_last_bgrewrite_status"] != "ok":
        raise BenchmarkFailed("the store could not write its append-only file")


def _requests(server: Sealring, samples: Sequence[Sample]) -> Mapping[str, Callable[[], tuple[str, Mapping[str, str]]]]:
    config = settings.load(server.settings_path)
    large = [sample for sample in samples if sample.org == LARGE]
    mine, everywhere = server.token(LARGE), server.token(None)
    with wiring.opened_stores(config) as (_, stores):
        authenticator = application.make_authenticator(Inheritance.of(config, Log()), stores)
        cursors = Cursors(stores.keys)

    def asked(token: str, path: Callable[[], str]) -> Callable[[], tuple[str, Mapping[str, str]]]:
        headers = {"Authorization": f"Bearer {token}"}
        return lambda: (f"{_KV}{path()}", headers)

    def deep(token: str, of: Sequence[Sample]) -> Callable[[], tuple[str, Mapping[str, str]]]:
        principal = authenticator.authenticate([f"Bearer {token}"])

        def path() -> str:
            position = random.choice(of).position
            cursor = Cursor(IssuedAs.AFTER, Order.DESCENDING, position, position, None)
            return f"?limit={PAGE}&after={cursors.encode(cursor, principal)}"

        return asked(token, path)

    return {
        "read by id": asked(mine, lambda: f"/{random.choice(large).id}"),
        "read by name": asked(mine, lambda: f"/name/{quote(random.choice(large).name, safe='')}"),
        "read by name, all organizations": asked(
            everywhere, lambda: f"/name/{quote(random.choice(samples).name, safe='')}"
        ),
        "first page, one organization": asked(mine, lambda: f"?limit={PAGE}"),
        "deep page, one organization": deep(mine, large),
        "first page, all organizations": asked(everywhere, lambda: f"?limit={PAGE}"),
        "deep page, all organizations": deep(everywhere, samples),
    }


def _ask(stores: Sequence[Filled], effort: Effort, rounds: int) -> dict[str, dict[int, list[Taken]]]:
    """Return what was taken: by what was asked, by size, in each round."""
    taken: dict[str, dict[int, list[Taken]]] = {
        name: {store.size: [] for store in stores} for name in stores[0].requests
    }
    samples = [(store, name) for store in stores for name in store.requests]
    for number in range(1, rounds + 1):
        progress(f"round {number} of {rounds}: {len(samples)} samples of {effort.seconds} s")
        for store, name in random.sample(samples, len(samples)):
            _took(store, name, effort.warm_up_s)
            taken[name][store.size].append(_took(store, name, effort.seconds))
    return taken


def _took(store: Filled, name: str, seconds: float) -> Taken:
    milliseconds: list[float] = []
    server_us, store_us = _cpu_us(store.server)
    until = time.perf_counter() + seconds
    while len(milliseconds) < 2 or time.perf_counter() < until:
        path, headers = store.requests[name]()
        began = time.perf_counter()
        store.client.expect("GET", path, headers)
        milliseconds.append((time.perf_counter() - began) * 1000)
    server_after, store_after = _cpu_us(store.server)
    return Taken(
        requests=len(milliseconds),
        p50_ms=median(milliseconds),
        p99_ms=quantiles(milliseconds, n=100, method="inclusive")[98],
        server_us=(server_after - server_us) / len(milliseconds),
        store_us=(store_after - store_us) / len(milliseconds),
    )


def _cpu_us(server: Sealring) -> tuple[int, int]:
    used = server.store.info("cpu")
    return cpu_us(tree(server.process.pid)), int((used["used_cpu_user"] + used["used_cpu_sys"]) * 1e6)


def _weights_table(stores: Sequence[Filled]) -> str:
    head = ("objects", "bytes each", "of which audit", "file, each", "filled in", "store starts in", "server starts in")
    rows = [
        (
            f"{store.size:,}",
            f"{store.weight.bytes_an_object:,.0f}",
            f"{store.weight.audit_bytes:,.0f}",
            f"{store.weight.file_bytes:,.0f}",
            f"{store.weight.fill_s:,.0f} s",
            f"{store.weight.store_start_s:.1f} s",
            f"{store.weight.server_start_s:.1f} s",
        )
        for store in stores
    ]
    return table(head, rows)


def _times_table(taken: Mapping[str, Mapping[int, Sequence[Taken]]]) -> str:
    sizes = list(next(iter(taken.values())))
    head = ["", *(f"p50 {size:,}" for size in sizes), *(f"p99 {size:,}" for size in sizes)]
    rows = []
    for name, by_size in taken.items():
        p50 = [min(each.p50_ms for each in by_size[size]) for size in sizes]
        p99 = [min(each.p99_ms for each in by_size[size]) for size in sizes]
        rows.append([name, *(f"{each:.2f}" for each in (*p50, *p99))])
    return table(head, rows)


def _cpu_table(taken: Mapping[str, Mapping[int, Sequence[Taken]]]) -> str:
    sizes = list(next(iter(taken.values())))
    head = ["", *(f"server {size:,}" for size in sizes), *(f"store {size:,}" for size in sizes)]
    rows = []
    for name, by_size in taken.items():
        server = [min(each.server_us for each in by_size[size]) for size in sizes]
        store = [min(each.store_us for each in by_size[size]) for size in sizes]
        rows.append([name, *(f"{each:,.0f}" for each in (*server, *store))])
    return table(head, rows)
