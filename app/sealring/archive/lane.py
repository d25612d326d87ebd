"""The lane of calls to the bucket: threads of their own, shared by organizations, none of them waited for long.

A call waits for a machine that may never answer. A request waits in its fiber until its own deadline, and the event
loop not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import TypeVar

from sealring import fibers
from sealring.errors import StoreUnavailable
from sealring.observability.trail import Layer, waited
from sealring.providers.call_threads import CallThreads, Overdue
from sealring.shares import Shares

MAX_CALLS = 128  # in one process
MOST_S = 10.0  # for a call without a deadline: of a command, or of what is read again beside requests

T = TypeVar("T")


class Lane:
    """Thread-safe."""

    def __init__(self, places: int = MAX_CALLS) -> None:
        self._threads = CallThreads()
        self._shares = Shares(places)

    def run(self, owner: Hashable, until: float, call: Callable[[float], T]) -> T:
        """Return what `call`, which gets its deadline, returns, or raise what it raises, until `until`.

        The deadline is of time.monotonic(). Raises StoreUnavailable when it passes, and if the owner has its share of
        the lane already.
        """
        fibers.will_wait()
        until = min(until, time.monotonic() + MOST_S)
        if not self._shares.take(owner):
            raise StoreUnavailable("Too many requests of this organization wait for keyrings. Try again later.")

        def run() -> T:
            try:
                return call(until)
            finally:  # even if nobody waits any more
                self._shares.give_back(owner)

        try:
            pending = self._threads.start(run)
        except RuntimeError:  # the system has no thread left
            self._shares.give_back(owner)
            raise StoreUnavailable("Too many requests wait for keyrings. Try again later.") from None
        try:
            return waited(Layer.STORE, lambda: pending.result(until))
        except Overdue:
            raise StoreUnavailable("The storage of keyrings did not answer in time. Try again later.") from None
