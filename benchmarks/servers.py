"""sealring as it is run in production, on a Valkey of its own, filled with objects."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from failures import BenchmarkFailed
from processes import Cores, pinned

from sealring import settings
from sealring.domain.ids import org_id
from sealring.domain.principal import Permission
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.tokens import mint_token
from sealring.server import wiring

_START_S = 30.0

# Out of reach, so that the cost of limits is measured and none is met.
_LIMITS = """
[limits]
subject_requests_per_second = 1000000
organization_requests_per_second = 1000000
environment_requests_per_second = 1000000
organization_objects = 1000000000000
organization_bytes = 1000000000000000
organization_contexts = 1000000000000
"""


_GUNICORN = """
from sealring.server.serving import *

worker_connections = 5000
backlog = 5000
"""


class Client:
    """One kept connection to an HTTP server that speaks JSON; a new one if the server has ended it meanwhile."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, method: str, path: str, headers: Mapping[str, str] = {}, body: object = None) -> tuple[int, Any]:
        """Return status and body. Text is sent as it is, anything else as JSON."""
        payload = body if body is None or isinstance(body, str) else json.dumps(body)
        sent = {"Content-Type": "application/json", **headers} if payload else headers
        try:
            answer = self._answered(method, path, payload, dict(sent))
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            self._connection.close()
            answer = self._answered(method, path, payload, dict(sent))
        raw = answer.read()
        return answer.status, json.loads(raw) if raw else None

    def _answered(self, *request: Any) -> http.client.HTTPResponse:
        self._connection.request(*request)
        return self._connection.getresponse()

    def expect(self, method: str, path: str, headers: Mapping[str, str] = {}, body: object = None) -> Any:
        """Return the body of a success; stop at anything else."""
        status, answer = self.ask(method, path, headers, body)
        if status >= 300:
            raise BenchmarkFailed(f"{method} {path} was answered with {status}: {answer}")
        return answer


@dataclass(frozen=True, slots=True)
class Sealring:
    """A running `sealring serve`, the master of its worker."""

    process: subprocess.Popen[bytes] = field(repr=False)
    port: int
    settings_path: Path
    store: redis.Redis

    @property
    def worker(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def token(self, organization: str | None) -> str:
        """A token for the organization; None: for the whole environment."""
        everywhere = {Permission.ALL_ORGANIZATIONS}
        return mint_token(
            settings.load(self.settings_path),
            subject="benchmark",
            name="benchmark",
            organizations=[org for org in [org_id(organization or "")] if org],
            permissions=frozenset(Permission) - (everywhere if organization else frozenset()),
            lifetime_s=24 * 3600,
        )


@contextmanager
def running_sealring(folder: Path, cores: Cores, keys: str = "local") -> Iterator[Sealring]:
    """Run Valkey on the others' cores, every write on disk before its answer, and one worker on the server's."""
    with EmbeddedValkey(folder) as valkey:
        initialise(folder, valkey.url, keys)
        with serving(folder, valkey.url, cores) as server:
            yield server


def initialise(folder: Path, store_url: str, keys: str) -> Path:
    """Make the settings and the layout of an empty store; return the settings' path."""
    list(installation.create_files(folder, store_url, keys))
    path = folder / installation.SETTINGS_FILE
    if _LIMITS not in (text := path.read_text()):
        path.write_text(text + _LIMITS)
    wiring.initialise_store(settings.load(path), installation.DEFAULT_PARTITIONS)
    return path


@contextmanager
def serving(folder: Path, store_url: str, cores: Cores, workers: int = 1) -> Iterator[Sealring]:
    """Run workers on the server's core, on a store that was initialised."""
    path, log, port = folder / installation.SETTINGS_FILE, folder / "server.log", free_port()
    config = folder / "gunicorn.conf.py"
    config.write_text(_GUNICORN)
    command = [str(Path(sys.executable).with_name("sealring")), "serve", "--config", str(path)]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--gunicorn-config", str(config)]
    with started(command, log, cores) as process:
        wait_for(lambda: _is_ready(port), process, log)
        yield Sealring(process, port, path, redis.Redis.from_url(store_url))


@contextmanager
def started(command: list[str], log: Path, cores: Cores) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process on the server's core until the block ends."""
    with log.open("wb") as output, pinned(cores.server):
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Ask again and again until `holds` is true. Raises BenchmarkFailed where the process ends, or after 30 s."""
    deadline = time.monotonic() + _START_S
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").strip().splitlines()[-5:]
            raise BenchmarkFailed(f"{process.args} did not start; the end of its log:\n" + "\n".join(lines))
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_ready(port: int) -> bool:
    try:
        return Client(port).ask("GET", "/readyz")[0] == 200
    except OSError:
        return False
