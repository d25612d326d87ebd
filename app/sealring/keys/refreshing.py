"""Reading again, in one thread beside the requests, of what caches still use although it is no longer fresh."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import NoReturn

from sealring.errors import SealringError

MAX_WAITING = 1_000  # what is beyond them is asked for again at its next use
PAUSE_S = 1.0  # after a failure, until the next try


class Refreshing:
    """Thread-safe. The thread begins with the first refresh, and ends with the process."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause
        self._waiting: SimpleQueue[tuple[Hashable, Callable[[], None]]] = SimpleQueue()
        self._known: set[Hashable] = set()
        self._lock = Lock()
        self._thread: Thread | None = None

    def soon(self, key: Hashable, refresh: Callable[[], None]) -> None:
        """Let the thread call `refresh`, unless one of the same key waits or runs. A SealringError is a failed try."""
        with self._lock:
            if key in self._known or len(self._known) >= MAX_WAITING:
                return
            self._known.add(key)
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="refreshing", daemon=True)
                self._thread.start()
        self._waiting.put((key, refresh))

    def _run(self) -> NoReturn:
        while True:
            key, refresh = self._waiting.get()
            try:
                refresh()
            except SealringError:  # the entry stays as it is until it is too old
                self._pause(PAUSE_S)
            finally:
                with self._lock:
                    self._known.discard(key)
