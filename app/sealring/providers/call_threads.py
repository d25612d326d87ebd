"""Threads for calls that may never return: the caller waits only until its deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Overdue(Exception):
    """The call did not return in time. It may still be running."""


class Pending(Generic[T]):
    """A call that was started."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._result: T | None = None
        self._failure: BaseException | None = None
        self._running = Lock()
        self._running.acquire()
        self._parting = Lock()
        self._ended = self._given_up = False

    def result(self, deadline: float) -> T:
        """Return the call's result or raise its failure, once. Raises Overdue at `deadline`, by time.monotonic()."""
        if not self._running.acquire(timeout=max(0.0, deadline - time.monotonic())):
            with self._parting:
                self._given_up = not self._ended
            if self._given_up:
                raise Overdue
        if self._failure is not None:
            raise self._failure
        return self._result  # type: ignore[return-value] # set: the call ended without a failure

    def run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as failure:  # noqa: BLE001  `result` raises it again
            self._failure = failure
        finally:
            with self._parting:
                self._ended = True
            self._running.release()
        if self._given_up and isinstance(self._result, bytearray):  # a key that nobody waits for
            self._result[:] = bytes(len(self._result))


class CallThreads:
    """Runs calls in daemon threads, made when needed and kept: a stuck one does not delay the exit of the process.

    There are as many threads as calls ever ran at once: the caller has to limit that.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Pending[object]] = SimpleQueue()
        self._idle = Semaphore(0)

    def start(self, call: Callable[[], T]) -> Pending[T]:
        if not self._idle.acquire(blocking=False):
            Thread(target=self._work, name="key-call", daemon=True).start()
        pending = Pending(call)
        self._calls.put(pending)  # type: ignore[arg-type] # the queue does not use T
        return pending

    def _work(self) -> None:
        while True:
            self._calls.get().run()
            self._idle.release()
