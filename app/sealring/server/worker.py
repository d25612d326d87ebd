"""What all kinds of workers share: signals to the master, and a limit of connections.

A worker tells the master when it is ready and when it is due to be replaced, so that the master stops it only when its
successor serves. It never has more connections than its file descriptors allow.
"""

from __future__ import annotations

import gc
import mmap
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from sealring.observability import metrics
from sealring.observability.book import Book, Page
from sealring.observability.logs import Log
from sealring.server import log_files

_OWN_DESCRIPTORS = 24  # of a worker without connections: listener, poller, heartbeat, log, modules
_PER_REQUEST = 2  # a connection to the store, and one to a provider

_GARBAGE = (10_000, 10, 10)  # Python's own thresholds collect so often that it takes a tenth of each request's time

_STARTING, _READY, _DUE = 0, 1, 2


def connections_within(descriptors: int, requests: int, wanted: int) -> int:
    """Return how many connections a worker may keep so that each request can still reach store and provider."""
    free = descriptors - _OWN_DESCRIPTORS
    all_busy = free // (1 + _PER_REQUEST)  # connections, if each has a request
    return max(1, min(wanted, free - _PER_REQUEST * requests if all_busy >= requests else all_busy))


class Worker:
    """A part of each worker class. The master uses `leaving` to note that it has told this worker to end."""

    cfg: Any
    log: Any
    pid: int
    max_requests: int
    reaching: ClassVar[int | None] = None  # requests with connections of their own; None: as many as threads
    book: ClassVar[Book | None] = None  # of the master
    forget: ClassVar[Callable[[], None] | None] = None  # closes in a worker what only the master needs

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.leaving = False
        self._state = mmap.mmap(-1, 1)  # shared with the master
        self.page: Page | None = None if self.book is None else self.book.reserve()
        self._due_at = self.max_requests
        self.max_requests = sys.maxsize  # otherwise the worker would stop without a successor

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        kept = cls.connections(cfg)
        if kept < cfg.worker_connections:
            log.warning(
                "%d file descriptors allow a worker %d connections instead of %d; raise the limit (ulimit -n)",
                _descriptors(),
                kept,
                cfg.worker_connections,
            )

    @classmethod
    def connections(cls, cfg: Any) -> int:
        return connections_within(_descriptors(), cls.reaching or cfg.threads, cfg.worker_connections)

    @property
    def ready(self) -> bool:
        return self._state[0] != _STARTING

    @property
    def due(self) -> bool:
        """Whether it has served its maximum of requests."""
        return self._state[0] == _DUE

    def init_process(self) -> None:
        if self.page is not None:
            self.page.begin()
        if (forget := type(self).forget) is not None:
            forget()
        super().init_process()  # type: ignore[misc] # of gunicorn's class

    def handle_usr1(self, sig: int, frame: object) -> None:  # noqa: ARG002  gunicorn's signature
        with suppress(OSError):  # this worker may not have the right to open it: it keeps the open file
            log_files.reopen(self.log)

    def note_ready(self) -> None:
        _collect_less()
        self._state[0] = _READY
        metrics.WORKERS.of().set(1)
        Log().notice(f"worker {os.getpid()} serves")

    def note_served(self, requests: int) -> None:
        if requests >= self._due_at:
            self._state[0] = _DUE


def _collect_less() -> None:
    """Let the garbage collector run less often, and never look at what the start has made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
