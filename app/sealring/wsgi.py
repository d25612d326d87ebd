"""The entry point of a gunicorn worker."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sealring import settings, wiring
from sealring.errors import KeyDeadlineExceeded, KeyUnavailable, SealringError, StoreUnavailable
from sealring.http.dispatch import Server
from sealring.keys.failures import for_the_operator
from sealring.keys.gateway import THREADS
from sealring.observability.logs import Log
from sealring.serving import SETTINGS_VARIABLE, THREADS_VARIABLE

_WORKER_FAILED_TO_BOOT = 3  # gunicorn's Arbiter.WORKER_BOOT_ERROR: it stops instead of trying for ever
_TRY_AGAIN = 1  # gunicorn starts another worker, and lets the others be
_PASSING = (StoreUnavailable, KeyUnavailable, KeyDeadlineExceeded)


def create_app() -> Server:
    """Build the application from the settings file that SEALRING_CONFIG names."""
    log = Log()
    try:
        threads = int(os.environ.get(THREADS_VARIABLE, THREADS))
        return wiring.make_app(settings.load(Path(os.environ[SETTINGS_VARIABLE])), log, threads)
    except SealringError as error:
        log.notice(f"cannot start: {for_the_operator(error)}")
        sys.exit(_TRY_AGAIN if isinstance(error, _PASSING) else _WORKER_FAILED_TO_BOOT)
