"""Measures sealring: `make bench`, `make bench ARGS=--profile`, `make bench ARGS=--peer`. Linux only.

The server runs as `sealring serve --workers 1` on a core of its own; its store (Valkey, every write on disk before its
answer) and the load generator (wrk, over loopback HTTP) share another. CPU time is that of gunicorn's master and
worker, from /proc. Only ratios within one run mean anything on a machine that others use too.
"""

import argparse
import contextlib
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import beside
import bucket
import contexts
import growth
import layers
import peer
import report
import scale
import vault
from failures import BenchmarkFailed
from footprint import Footprint, Scales
from load import Effort, Sample, check_wrk, measure
from operations import OBJECTS, OPERATIONS, SealringTarget
from peer import MANY
from processes import Cores, pinned, resident_mb
from report import progress
from servers import Sealring, running_sealring

from sealring.errors import SealringError

PEER_ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Filled:
    """A server with objects in it."""

    server: Sealring
    target: SealringTarget
    footprint: Footprint


def main() -> int:
    options = _options()
    try:
        _check_machine()
        if not options.scale and not options.beside and not options.protocol and not options.bucket:
            check_wrk()
    except BenchmarkFailed as failure:
        print(failure, file=sys.stderr)
        return 2
    try:
        if options.protocol:
            vault.print_protocol()
        elif options.bucket:
            _run_bucket(options)
        elif options.beside:
            _run_beside(options)
        elif options.scale:
            _run_scale(options)
        elif options.growth:
            _run_growth(options)
        else:
            _run(options)
    except (BenchmarkFailed, SealringError) as failure:
        print(f"the benchmark failed: {failure}", file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    cores = Cores.of_this_machine()
    effort = Effort(options.connections, options.seconds, options.warm_up)
    if not cores.apart:
        progress("there is one core only: the load generator and the store disturb the server")
    with tempfile.TemporaryDirectory(prefix="sealring-bench-") as name, pinned(cores.others):
        folder = Path(name)
        with _filled(folder / "sealring", cores, options.keys) as filled:
            result = report.surroundings(cores, effort, filled.server.store.info())
            if options.peer:
                result["peer"] = peer.compare(filled.target, effort, options.rounds, folder, cores, options.only)
            else:
                result["operations"] = _operations(filled.target, options.only, effort, options.rounds, folder)
            result["memory"] = _memory(filled)
        if options.contexts:
            result["contexts"] = contexts.measure(folder / "contexts", options.contexts)
        if options.profile:
            result["profile"] = layers.profile(folder / "in-process", cores, result["operations"], quick=options.quick)
        if options.peer:
            peer.print_budgets(result["peer"], result["memory"])
    report.write_json(options.json, result)


def _run_scale(options: argparse.Namespace) -> None:
    cores = Cores.of_this_machine()
    effort = Effort(1, options.seconds, options.warm_up)
    with tempfile.TemporaryDirectory(prefix="sealring-scale-") as name, pinned(cores.others):
        result = scale.measure(Path(name), options.scale, cores, options.keys, effort, options.rounds)
    report.write_json(options.json, result)


def _run_growth(options: argparse.Namespace) -> None:
    cores = Cores.of_this_machine()
    effort = Effort(options.connections, options.seconds, options.warm_up)
    with tempfile.TemporaryDirectory(prefix="sealring-growth-") as name, pinned(cores.others):
        result = {"growth": growth.run(Path(name), cores, effort, options.rounds)}
    report.write_json(options.json, result)


def _run_beside(options: argparse.Namespace) -> None:
    cores = Cores.of_this_machine()
    with tempfile.TemporaryDirectory(prefix="sealring-beside-") as name, pinned(cores.others):
        result = beside.compare(options.beside.resolve(), Path(name), cores)
    report.write_json(options.json, result)


def _run_bucket(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="sealring-bucket-") as name:
        result = {"bucket": bucket.measure(Path(name), 5 if options.quick else 100)}
    report.write_json(options.json, result)


@contextlib.contextmanager
def _filled(folder: Path, cores: Cores, keys: str) -> Iterator[Filled]:
    progress("starting Valkey and sealring")
    with running_sealring(folder, cores, keys) as server:
        target = SealringTarget(server)
        target.make_keys()
        scales = Scales(server.store)
        progress(f"making {OBJECTS:,} objects")
        target.fill()
        yield Filled(server, target, scales.footprint(OBJECTS))


def _operations(
    target: SealringTarget, names: list[str], effort: Effort, rounds: int, folder: Path
) -> dict[str, list[dict[str, Any]]]:
    samples: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(1, rounds + 1):
        progress(f"round {number} of {rounds}: {len(names)} samples of {effort.seconds} s")
        for name in random.sample(names, len(names)):
            samples[name].append(measure(target, name, effort, folder))
    print(f"\nOne worker, {effort.connections} connections that never pause, so p50 and p99 are those of full load;")
    print(f"medians of {rounds} shuffled rounds of {effort.seconds} s\n")
    print(report.operations_table(samples))
    print(f"\n{report.trust(each for found in samples.values() for each in found)}")
    return {name: [asdict(each) for each in found] for name, found in samples.items()}


def _memory(filled: Filled) -> dict[str, Any]:
    resident = resident_mb(filled.server.worker)
    print(f"\nResident memory of the worker after all this: {resident:.1f} MB\n")
    print(report.footprint_table(filled.footprint))
    return {"worker_mb": resident, **asdict(filled.footprint), "bytes_an_object": filled.footprint.total}


def _check_machine() -> None:
    if not sys.platform.startswith("linux"):
        raise BenchmarkFailed("The benchmark reads CPU times from /proc, which only Linux has. Run it there.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", action="store_true", help="also show where the microseconds go, layer by layer")
    parser.add_argument("--peer", action="store_true", help="compare with OpenBao instead, and with our budgets")
    parser.add_argument("--keys", default="local", help="the provider of managed keys (default: local)")
    parser.add_argument(
        "--contexts",
        nargs="+",
        metavar="PROVIDER",
        default=[],
        help="also compare these providers: keys made just in time, cold and warm",
    )
    parser.add_argument(
        "--scale",
        nargs="*",
        type=int,
        metavar="OBJECTS",
        help="instead, compare stores with so many objects; default: 10000 100000 1000000, some 3 GB and 40 minutes",
    )
    parser.add_argument(
        "--growth",
        action="store_true",
        help="instead, more connections, workers and organizations, and larger values; 10 minutes",
    )
    parser.add_argument(
        "--beside", type=Path, metavar="CHECKOUT", help="instead, compare with another checkout, in-process; 3 minutes"
    )
    parser.add_argument(
        "--protocol", action="store_true", help="instead, what the protocol of vault.v1 costs, in-process; 5 seconds"
    )
    parser.add_argument(
        "--bucket", action="store_true", help="instead, what keyrings in a bucket cost, on versitygw; 3 minutes"
    )
    parser.add_argument("--quick", action="store_true", help="a smoke test of some 15 seconds; its figures are rough")
    parser.add_argument("--only", nargs="+", choices=OPERATIONS, default=list(OPERATIONS), metavar="OPERATION",
                        help=f"only these operations: {', '.join(OPERATIONS)}")  # fmt: skip
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"shuffled rounds (default: 3; of --peer {PEER_ROUNDS}: with fewer than 6, no interval)",
    )
    parser.add_argument("--seconds", type=int, default=2, help="length of a sample (default: 2)")
    parser.add_argument("--warm-up", type=int, default=1, help="seconds before each sample (default: 1)")
    parser.add_argument("--connections", type=int, help=f"kept connections (default: 16, of --peer {MANY})")
    parser.add_argument("--json", type=Path, default=Path(".cache/bench.json"), help="default: .cache/bench.json")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.warm_up = 1, 1, 0
    if options.scale is not None:
        options.scale = options.scale or list(scale.SIZES)
    options.rounds = options.rounds or (PEER_ROUNDS if options.peer else 3)
    options.connections = options.connections or (MANY if options.peer or options.growth else 16)
    if options.profile and options.peer:
        parser.error("choose --profile or --peer")
    return options


if __name__ == "__main__":
    sys.exit(main())
