"""The entry point of a gunicorn worker with threads."""

from __future__ import annotations

import os
import sys

from sealring.errors import KeyDeadlineExceeded, KeyUnavailable, SealringError, StoreUnavailable
from sealring.http.dispatch import Server
from sealring.observability.logs import Log
from sealring.providers.failures import for_the_operator
from sealring.server import application, inheritance
from sealring.server.variables import THREADS_VARIABLE, WORKERS_VARIABLE

_WORKER_FAILED_TO_BOOT = 3  # gunicorn's Arbiter.WORKER_BOOT_ERROR: the server ends, unless a worker has served
_TRY_AGAIN = 1  # gunicorn starts another worker, and the others continue
_PASSING = (StoreUnavailable, KeyUnavailable, KeyDeadlineExceeded)


def create_app() -> Server:
    """Build the application from what the master left. If that fails, end the worker."""
    return server_of(int(os.environ[THREADS_VARIABLE]))


def server_of(requests: int) -> Server:
    """Likewise, for a worker that serves that many requests at once."""
    log = Log()
    try:
        workers = int(os.environ[WORKERS_VARIABLE])
        return application.make_app(inheritance.left(), log, requests, workers)
    except SealringError as error:
        log.notice(f"cannot start: {for_the_operator(error)}")
        sys.exit(_TRY_AGAIN if isinstance(error, _PASSING) else _WORKER_FAILED_TO_BOOT)
