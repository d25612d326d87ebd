"""Threads for calls that may never return: the caller waits until its deadline, the thread as long as it has to."""

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
    """A call on its way."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._result: T | None = None
        self._failure: BaseException | None = None
        self._running = Lock()
        self._running.acquire()
        self._parting = Lock()
        self._ended = self._given_up = False

    def result(self, deadline: float) -> T:
        """Return or raise what the call does; to be asked once. Raises Overdue at `deadline`, by time.monotonic()."""
        if not self._running.acquire(timeout=max(0.0, deadline - time.monotonic())):
            with self._parting:
                self._given_up = not self._ended
            if self._given_up:
                raise Overdue
        if self._failure is not None:
            raise self._failure
        return self._result  # type: ignore[return-value] # set, since the call has ended without a failure

    def run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as failure:  # noqa: BLE001  it is raised again where the result is asked for
            self._failure = failure
        finally:
            with self._parting:
                self._ended = True
            self._running.release()
        if self._given_up and isinstance(self._result, bytearray):  # a key that nobody waits for any more
            self._result[:] = bytes(len(self._result))


class CallThreads:
    """Runs calls in threads, made when needed and kept. They are daemons: a stuck one holds up no exit.

    There are as many as calls were ever made at once, which is for the caller to bound.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[Pending[object]] = SimpleQueue()
        self._idle = Semaphore(0)

    def start(self, call: Callable[[], T]) -> Pending[T]:
        if not self._idle.acquire(blocking=False):
            Thread(target=self._work, name="key-call", daemon=True).start()
        pending = Pending(call)
        self._calls.put(pending)  # type: ignore[arg-type] # the queue does not care for T
        return pending

    def _work(self) -> None:
        while True:
            self._calls.get().run()
            self._idle.release()
