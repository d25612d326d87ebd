"""Layers: where the microseconds of a request go.

The application is built as a worker builds it (sealring.server.application.make_app), called in one thread with
prepared WSGI environments, on the server's core, its Valkey on another. Twice: as it is, for the whole; then with a
clock at the boundary of each layer, for the parts. The clock is the thread's CPU time; a part is what a layer spends
itself, without the layers that it calls. What the clock costs is measured beforehand and taken off. Of many short
batches the one with the least CPU time counts, as the others met more of what else runs here; the sum of the parts is
printed beside the whole, so that one sees how far to trust them. Transport is the least of the HTTP run's samples less
the whole.
"""

import importlib
import io
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
from boundaries import BOUNDARIES, SEND
from failures import BenchmarkFailed
from load import Request
from operations import SealringTarget
from processes import Cores, pinned
from report import progress, table
from servers import running_sealring
from stopwatch import ELSEWHERE, Stopwatch, own_cost_us

from sealring import settings
from sealring.observability.logs import Log
from sealring.server import application
from sealring.server.inheritance import Inheritance

OPERATIONS = ("read", "update", "create", "data-key", "decrypt")

_BATCHES, _CALLS = 40, 25


@dataclass(frozen=True, slots=True)
class Anatomy:
    """One operation in-process, µs a call."""

    cpu: float
    waiting: float
    round_trips: float
    layers: dict[str, float]


class Caller:
    """Calls a WSGI application with the requests of a plan, in turn."""

    def __init__(self, app: Callable[..., Any], plan: Sequence[Request]) -> None:
        self._app = app
        self._plan = plan
        self._versions = {each.path.rpartition("/")[2]: each.version for each in plan if each.version}
        self._turn = 0

    def call(self, around: Callable[[Callable[[], Any]], Any]) -> None:
        """One request: `around` is handed the call itself, everything else is done outside of it."""
        self._turn += 1
        request = self._plan[self._turn % len(self._plan)]
        own = request.path.rpartition("/")[2]
        body = request.body.replace("@serial@", f"{id(self)}-{self._turn}")
        environ = _environ(request, body.replace("@version@", self._versions.get(own, "")).encode())
        status: list[str] = []

        def start(line: str, _headers: object) -> None:
            status.append(line)

        raw = b"".join(around(lambda: self._app(environ, start)))
        if not status[0].startswith("2"):
            raise BenchmarkFailed(f"in-process, {request.method} {request.path}: {status[0]} {raw.decode()}")
        if own in self._versions:
            self._versions[own] = orjson.loads(raw)["metadata"]["version_id"]


def profile(folder: Path, cores: Cores, http: Mapping[str, Any], *, quick: bool) -> dict[str, Any]:
    """Measure, print, and return µs by operation and layer. `http` has the samples of the HTTP run, where there."""
    batches = 4 if quick else _BATCHES
    progress(f"layers: {batches} batches of {_CALLS} calls of {', '.join(OPERATIONS)}, with and without the clock")
    with running_sealring(folder, cores) as server, pinned(cores.server):
        target = SealringTarget(server)
        target.make_keys()
        target.fill()
        measured = [_measured(operation, server.settings_path, target, batches) for operation in OPERATIONS]
    found = dict(zip(OPERATIONS, measured, strict=True))
    missing = [place for places in BOUNDARIES.values() for place in places if not _is_there(place)]
    _print(found, http)
    if missing:
        print(f"\nNot there any more, so counted with their callers; mend boundaries.py: {', '.join(missing)}")
    return {"operations": {name: asdict(each) for name, each in found.items()}, "missing": missing}


def _measured(operation: str, settings_path: Path, target: SealringTarget, batches: int) -> Anatomy:
    """The least of many batches; those with and without the clock by turns, so that both meet the same disturbance."""

    def build() -> Callable[..., Any]:
        return application.make_app(Inheritance.of(settings.load(settings_path), Log()), Log(io.StringIO()))

    stopwatch = Stopwatch(own_cost_us())
    plan = target.plan(operation)
    bare = Caller(build(), plan[::2])  # each has objects of its own, as updates check versions
    with _boundaries(stopwatch):
        clocked = Caller(build(), plan[1::2])
    wholes, parts, trips = [], [], 0.0
    for _ in range(batches):
        _settle(bare)
        wholes.append(_whole(bare))
        with _boundaries(stopwatch):
            _settle(clocked)
            stopwatch.forget()
            for _ in range(_CALLS):
                clocked.call(stopwatch.run)
        parts.append({layer: us / _CALLS for layer, us in stopwatch.microseconds().items()})
        trips = sum(count for (_, layer), count in stopwatch.crossings.items() if layer == SEND) / _CALLS
    cpu, waiting = min(wholes)
    return Anatomy(cpu, waiting, trips, min(parts, key=lambda each: sum(each.values())))


def _settle(caller: Caller) -> None:
    """Let the interpreter specialise its code again: a clock was put in or taken out."""
    for _ in range(5):
        caller.call(lambda call: call())


def _whole(caller: Caller) -> tuple[float, float]:
    """CPU and waiting, µs a call."""
    clocks = [_both_clocks(caller) for _ in range(_CALLS)]
    return statistics.fmean(cpu for cpu, _ in clocks), statistics.fmean(waiting for _, waiting in clocks)


def _both_clocks(caller: Caller) -> tuple[float, float]:
    taken: list[float] = []

    def around(call: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        answer = call()
        cpu, wall = time.thread_time_ns() - cpu, time.perf_counter_ns() - wall
        taken.extend([cpu / 1000, (wall - cpu) / 1000])
        return answer

    caller.call(around)
    return taken[0], taken[1]


@contextmanager
def _boundaries(stopwatch: Stopwatch) -> Iterator[None]:
    """Put the clock at every boundary until the block ends."""
    put = []
    for layer, places in BOUNDARIES.items():
        for owner, name, found in map(_found, filter(_is_there, places)):
            timed = stopwatch.timed(layer, found.__func__ if isinstance(found, classmethod) else found)
            setattr(owner, name, classmethod(timed) if isinstance(found, classmethod) else timed)
            put.append((owner, name, found))
    try:
        yield
    finally:
        for owner, name, found in reversed(put):
            setattr(owner, name, found)


def _is_there(place: str) -> bool:
    try:
        _found(place)
    except (ImportError, AttributeError, KeyError):
        return False
    return True


def _found(place: str) -> tuple[Any, str, Any]:
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    return owner, name, vars(owner)[name]


def _environ(request: Request, body: bytes) -> dict[str, Any]:
    """What gunicorn makes of a request, with a body that is read from memory."""
    path, _, query = request.path.partition("?")
    header, token = request.token
    return {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "latin-1"),
        "RAW_URI": request.path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8420",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8420",
        f"HTTP_{header.upper().replace('-', '_')}": token,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **({"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))} if body else {}),
    }


def _print(found: Mapping[str, Anatomy], http: Mapping[str, Any]) -> None:
    def row(name: str, value: Callable[[str], float | None], digits: int = 1) -> tuple[str, ...]:
        values = [value(operation) for operation in OPERATIONS]
        return name, *("-" if each is None else f"{each:,.{digits}f}" for each in values)

    def over_http(operation: str) -> float | None:
        return min(each["cpu_us"] for each in http[operation]) if operation in http else None

    def transport(operation: str) -> float | None:
        least = over_http(operation)
        return None if least is None else least - found[operation].cpu

    rows = [row("transport: gunicorn, sockets (HTTP run less the whole)", transport)]
    rows += [
        row(layer, lambda operation, layer=layer: found[operation].layers.get(layer, 0.0))
        for layer in (*BOUNDARIES, ELSEWHERE)
    ]
    rows += [
        row("sum of the layers, without transport", lambda operation: sum(found[operation].layers.values())),
        row("the whole in-process, measured without the clock", lambda operation: found[operation].cpu),
        row("HTTP run, least: the server's process tree", over_http),
        row("waiting for the store, no CPU time", lambda operation: found[operation].waiting),
        row("round trips to the store", lambda operation: found[operation].round_trips, 0),
    ]
    print("\nWhere the microseconds go: CPU µs a request, in one thread, with a clock at each boundary of a layer\n")
    print(table(("layer", *OPERATIONS), rows))
