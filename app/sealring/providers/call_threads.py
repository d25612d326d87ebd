"""Threads for calls that may never return: the caller waits only until its deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import Generic, TypeVar

from sealring import fibers

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
        self._tell: Callable[[], None] | None = None

    def result(self, deadline: float) -> T:
        """Return the call's result or raise its failure, once. Raises Overdue at `deadline`, by time.monotonic()."""
        if not self._ends_by(deadline):
            with self._parting:
                self._given_up = not self._ended
            if self._given_up:
                raise Overdue
        if self._failure is not None:
            try:
                raise self._failure
            finally:
                self._failure = None  # its traceback has this frame, and would keep itself alive
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
            if self._tell is not None:
                self._tell()
        if self._given_up and isinstance(self._result, bytearray):  # a key that nobody waits for
            self._result[:] = bytes(len(self._result))

    def _ends_by(self, deadline: float) -> bool:
        loop = fibers.current()
        if loop is not None:
            return loop.wait(self._when_ended, deadline)
        return self._running.acquire(timeout=max(0.0, deadline - time.monotonic()))

    def _when_ended(self, tell: Callable[[], None]) -> None:
        with self._parting:
            if not self._ended:
                self._tell = tell
                return
        tell()


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
