"""The application in this process, without a socket; and a process that measures what it is told to.

    python in_process.py FOLDER

makes an installation with a store of its own in FOLDER, says "ready", and then answers each line "read N" or "create N"
with the CPU µs of one such request, on average of N: its own, not the store's.
"""

from __future__ import annotations

import gc
import io
import json
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from failures import BenchmarkFailed

from sealring import settings
from sealring.domain.principal import Permission
from sealring.observability.logs import Log
from sealring.operator import installation
from sealring.operator.embedded import EmbeddedValkey
from sealring.operator.tokens import mint_token
from sealring.server import application, wiring
from sealring.server.inheritance import Inheritance

OBJECTS = 300
KV = "/vault/v1/kv"


class Application:
    """The application of one worker, asked in this process."""

    def __init__(self, path: Path) -> None:
        config = settings.load(path)
        self._application = application.make_app(Inheritance.of(config, Log()), Log(io.StringIO()))
        self._token = mint_token(
            config,
            subject="benchmark",
            name="benchmark",
            organizations=(),
            permissions=tuple(Permission),
            lifetime_s=3600,
        )

    def ask_each(self, path: str, bodies: list[Any]) -> None:
        for body in bodies:
            self.ask(path, body)

    def ask(self, path: str, body: object = None) -> Any:
        raw = b"" if body is None else json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": "GET" if body is None else "POST",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "HTTP_AUTHORIZATION": f"Bearer {self._token}",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(raw)),
            "wsgi.input": io.BytesIO(raw),
        }
        statuses: list[str] = []
        answer = b"".join(self._application(environ, lambda status, _: statuses.append(status)))
        if not statuses[0].startswith("2"):
            raise BenchmarkFailed(f"{path} answered {statuses[0]}: {answer.decode()}")
        return json.loads(answer)


def main(folder: Path) -> None:
    with EmbeddedValkey(folder) as valkey:
        list(installation.create_files(folder, valkey.url, "local"))
        path = folder / installation.SETTINGS_FILE
        wiring.initialise_store(settings.load(path), 1)
        works = _works(Application(path))
        gc.freeze()
        print("ready", flush=True)
        for line in sys.stdin:
            name, times = line.split()
            print(_mean_cpu_us(works[name], int(times)), flush=True)


def _works(asked: Application) -> dict[str, Callable[[], object]]:
    numbers = count()

    def create() -> str:
        context = {"organization_id": "org_bench"}
        body = {"name": f"object {next(numbers)}", "value": "v" * 32, "key_context": context}
        return str(asked.ask(KV, body)["id"])

    ids = [create() for _ in range(OBJECTS)]
    return {"create": create, "read": lambda: asked.ask(f"{KV}/{ids[next(numbers) % OBJECTS]}")}


def _mean_cpu_us(work: Callable[[], object], times: int) -> float:
    began = time.process_time_ns()
    for _ in range(times):
        work()
    return (time.process_time_ns() - began) / times / 1000


if __name__ == "__main__":
    main(Path(sys.argv[1]))
