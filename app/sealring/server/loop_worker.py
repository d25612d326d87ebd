"""uvicorn's worker for gunicorn, with our connections, limits and signals to the master."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, ClassVar

import uvloop
from gunicorn.arbiter import Arbiter
from gunicorn.sock import ssl_context
from uvicorn import Server
from uvicorn_worker import UvicornWorker

from sealring.observability import metrics
from sealring.server import deadlines
from sealring.server.loop_connection import Connection
from sealring.server.loop_room import sweep
from sealring.server.worker import Worker

REQUESTS = 256  # at most half of them wait for the keys of one organization (providers/bulkhead.py)

_CONNECTIONS, _IN_FLIGHT = metrics.CONNECTIONS.of(), metrics.IN_FLIGHT.of()
_SWITCH_S = 0.0005  # for how long a thread with a large body keeps the loop waiting; Python's own value is 5 ms
_TICKS = round(deadlines.TICK_S / 0.1)  # uvicorn's main loop ticks ten times a second


class LoopWorker(Worker, UvicornWorker):  # type: ignore[misc]  # it has no types
    """A worker with one event loop."""

    reaching = 96  # 64 connections to a node of the store, and 128 to providers
    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "sealring.server.loop_worker:Loop",
        "http": Connection,
        "ws": "none",
        "lifespan": "on",
        "access_log": False,  # a path and a query may contain names
        "proxy_headers": False,  # the peer is who connects
        "server_header": False,
        "headers": [("Server", "sealring")],
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.config.limit_max_requests = None  # the master replaces it
        self.config.timeout_graceful_shutdown = self.cfg.graceful_timeout
        if self.cfg.is_ssl:
            self.config.ssl_context_factory = lambda *_: ssl_context(self.cfg)  # the master's, inherited
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # its messages quote requests, or say the usual
        Connection.limit = self.connections(self.cfg)

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        server = _Server(self)
        sys.setswitchinterval(_SWITCH_S)
        self._install_sigquit_handler()
        # uvloop leaves a socket that it closes to nobody else, but does not know gunicorn's wrapper of one
        await server.serve(sockets=[each.sock for each in self.sockets])
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)


class Loop(uvloop.Loop):
    """uvloop's, with a deadline for TLS handshakes, which uvicorn leaves at a minute."""

    async def create_server(self, *args: Any, **options: Any) -> Any:
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = deadlines.HEAD_S
        return await super().create_server(*args, **options)


class _Server(Server):
    def __init__(self, worker: LoopWorker) -> None:
        super().__init__(worker.config)
        self._worker = worker

    async def on_tick(self, counter: int) -> bool:
        if not self._worker.ready:
            self._worker.note_ready()
        self._worker.note_served(self.server_state.total_requests)
        _CONNECTIONS.set(len(self.server_state.connections))
        _IN_FLIGHT.set(len(self.server_state.tasks))
        if os.getppid() != self._worker.ppid:  # the master was killed, and nothing else would end this worker
            self.should_exit = True
        if counter % _TICKS == 0:
            sweep(tuple(self.server_state.connections))
        return await super().on_tick(counter)
