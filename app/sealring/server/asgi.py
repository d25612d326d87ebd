"""The entry point of a gunicorn worker with an event loop."""

from __future__ import annotations

from sealring.fibers import Fibers
from sealring.http.asgi import AsgiServer
from sealring.observability.logs import Log
from sealring.server.loop_watch import Watchdog
from sealring.server.loop_worker import REQUESTS
from sealring.server.wsgi import server_of


def create_app() -> AsgiServer:
    """Build the application from what the master left. If that fails, end the worker."""
    return AsgiServer(server_of(REQUESTS), _watch)


def _watch(fibers: Fibers) -> None:
    Watchdog(fibers, Log()).start()
