"""The entry point of a gunicorn worker."""

from __future__ import annotations

import os
import sys

from sealring import application, inheritance
from sealring.errors import KeyDeadlineExceeded, KeyUnavailable, SealringError, StoreUnavailable
from sealring.http.dispatch import Server
from sealring.keys.failures import for_the_operator
from sealring.observability.logs import Log
from sealring.serving import FIRST_VARIABLE, THREADS_VARIABLE

_WORKER_FAILED_TO_BOOT = 3  # gunicorn's Arbiter.WORKER_BOOT_ERROR: it stops instead of trying for ever
_TRY_AGAIN = 1  # gunicorn starts another worker, and lets the others be
_PASSING = (StoreUnavailable, KeyUnavailable, KeyDeadlineExceeded)


def create_app() -> Server:
    """Build the application from what the master left.

    Where that cannot be, end the worker, and the server with it if nobody has served yet and waiting would not help.
    """
    log = Log()
    try:
        return application.make_app(inheritance.left(), log, int(os.environ[THREADS_VARIABLE]))
    except SealringError as error:
        log.notice(f"cannot start: {for_the_operator(error)}")
        ends_all = FIRST_VARIABLE in os.environ and not isinstance(error, _PASSING)
        sys.exit(_WORKER_FAILED_TO_BOOT if ends_all else _TRY_AGAIN)
