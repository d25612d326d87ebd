"""The report: tables for people, one JSON file for machines."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from footprint import Footprint
from interpreter import Interpreter
from load import Effort, Sample, wrk_version
from processes import Cores

_PACKAGES = ("sealring", "gunicorn", "flask", "werkzeug", "marshmallow", "redis", "hiredis", "orjson", "pyjwt")
_BEGAN = time.monotonic()


def progress(line: str) -> None:
    print(f"[{time.monotonic() - _BEGAN:5.0f} s] {line}", file=sys.stderr, flush=True)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need to be; the first to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def formatted(line: Sequence[str]) -> str:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        return "  ".join(cells).rstrip()

    return "\n".join([formatted(lines[0]), "  ".join("-" * width for width in widths), *map(formatted, lines[1:])])


def operations_table(samples: Mapping[str, Sequence[Sample]]) -> str:
    head = ("operation", "req/s", "req/s a core", "CPU µs", "least", "store µs", "p50 ms", "p99 ms", "errors")
    rows = []
    for name, found in samples.items():
        middle = median_sample(found)
        rows.append(
            (
                name,
                f"{middle.rate:,.0f}",
                f"{1e6 / middle.cpu_us:,.0f}",
                f"{middle.cpu_us:,.0f}",
                f"{min(each.cpu_us for each in found):,.0f}",
                f"{middle.store_us:,.0f}",
                f"{middle.p50_ms:.1f}",
                f"{middle.p99_ms:.1f}",
                "0",  # with any other number there is no sample
            )
        )
    return table(head, rows)


def median_sample(samples: Sequence[Sample]) -> Sample:
    """The sample in the middle by CPU time a request."""
    return sorted(samples, key=lambda each: each.cpu_us)[(len(samples) - 1) // 2]


def trust(samples: Iterable[Sample]) -> str:
    """What held the server back besides itself: wrk, the store beside wrk, other work on its core."""
    samples = list(samples)
    wrk = max(each.load_busy for each in samples)
    together = max(each.load_busy + each.store_busy for each in samples)
    foreign = max(each.foreign for each in samples)
    lines = [
        f"The load generator took at most {wrk:.0%} of a core: "
        + ("it is not the bottleneck." if wrk < 0.5 else "IT MAY BE THE BOTTLENECK. Trust CPU µs, not req/s."),
        f"Load generator and store together took at most {together:.0%} of their core"
        + ("." if together < 0.9 else ": IT IS FULL. Trust CPU µs, not req/s."),
        f"Others took at most {foreign:.0%} of the server's core"
        + ("." if foreign < 0.1 else ": A NOISY RUN. Trust ratios, and the least CPU µs."),
    ]
    return "\n".join(lines)


def footprint_table(footprint: Footprint) -> str:
    rows = [(kind, f"{footprint.keys[kind]:,}", f"{size:,.0f}") for kind, size in footprint.by_kind.items()]
    rows.append(("all of an object (MEMORY USAGE)", "", f"{footprint.total:,.0f}"))
    rows.append(("growth of used_memory, audit apart", "", f"{footprint.grown:,.0f}"))
    return table(("keys", "how many", "bytes an object"), rows)


def surroundings(cores: Cores, effort: Effort, store: Mapping[str, Any]) -> dict[str, Any]:
    """Where, when and with what this was measured."""
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": " ".join(["make bench", f"ARGS='{' '.join(sys.argv[1:])}'"] if sys.argv[1:] else ["make bench"]),
        "commit": _commit(),
        "machine": {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "server_cores": sorted(cores.server),
            "other_cores": sorted(cores.others),
            "kernel": platform.release(),
            "load_average": os.getloadavg()[0],
        },
        "versions": {
            "python": str(Interpreter.here()),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
            "store": f"{store.get('server_name', 'redis')} {store.get('valkey_version', store['redis_version'])}",
            "allocator": store["mem_allocator"],
            "wrk": wrk_version(),
        },
        "effort": asdict(effort),
    }


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nwritten: {path}")


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()


def _commit() -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"
