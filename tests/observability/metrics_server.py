"""A server with a port for its metrics, and who asks it."""

import os
from contextlib import contextmanager
from pathlib import Path

from sealring.operator.embedded import EmbeddedValkey
from support.live import serving
from support.scraping import Metrics
from support.waiting import becomes_true

REQUESTS = "sealring_http_request_duration_seconds_count"
CONFIG = """
from sealring.server.serving import *

pidfile = {pidfile!r}
graceful_timeout = 10
"""


@contextmanager
def server(folder: Path, more: str = ""):
    """A server with metrics, whose master's process id is in the file `pid`."""
    config = folder / "gunicorn.conf.py"
    config.write_text(CONFIG.format(pidfile=str(folder / "pid")) + more)
    told = Metrics()
    with (
        EmbeddedValkey(folder) as store,
        serving(folder, store.url, gunicorn_config=config, more=told.settings, worker="loop") as live,
    ):
        assert becomes_true(told.answers)
        assert becomes_true(lambda: told.value("sealring_workers") == 2)
        live.metrics = told
        yield live


def teller(live) -> int:
    """The process id of the process that tells the metrics."""
    for process in live.workers:
        if b"metrics_process" in Path(f"/proc/{process}/cmdline").read_bytes():
            return process
    return 0


def serving_processes(live) -> set[int]:
    return set(live.workers) - {teller(live)}


def asked(live, times=40):
    for _ in range(times):
        assert live.ask("GET", "/livez").status == 200


def alive_count(live) -> float:
    return live.metrics.value(REQUESTS, route="/livez")


def use(live):
    """A create, a read, and refusals of several kinds."""
    token = live.token("org_acme")
    body = {"key_context": {"organization_id": "org_acme"}, "name": f"name-{os.urandom(8).hex()}", "value": "v"}
    made = live.ask("POST", "/vault/v1/kv", token=token, body=body)
    assert made.status in {200, 201}
    assert live.ask("GET", f"/vault/v1/kv/{made.json['id']}", token=token).status == 200
    assert live.ask("GET", "/vault/v1/kv/name/none-such", token=token).status == 404
    assert live.ask("POST", "/vault/v1/kv", token=token, body={"nonsense": 1}).status == 422
    assert live.ask("GET", "/vault/v1/kv", token="nonsense").status == 401
    assert live.ask("GET", "/nowhere", token=token).status == 404
