"""A background thread of each worker that reads again what every request needs from the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Thread
from typing import NoReturn

from sealring.observability.logs import Log

QUIET_S = 60.0  # the same lines are not logged again for so long


class Renewal:
    """Renews once at `start`, and then every `interval_s` seconds, until the process ends."""

    def __init__(self, renew: Callable[[], Sequence[str]], interval_s: float, log: Log) -> None:
        """`renew` returns a line for each thing that could not be renewed, and raises nothing."""
        self._renew = renew
        self._interval_s = interval_s
        self._log = log
        self._told: Sequence[str] = ()
        self._told_at = float("-inf")

    def start(self) -> None:
        self.once()
        Thread(target=self._run, name="renewal", daemon=True).start()

    def once(self) -> None:
        """Renew, and log the lines, unless they were logged a short time ago."""
        lines, now = self._renew(), time.monotonic()
        if lines and (lines != self._told or now - self._told_at >= QUIET_S):
            self._told_at = now
            for line in lines:
                self._log.notice(line)
        self._told = lines

    def _run(self) -> NoReturn:
        while True:
            time.sleep(self._interval_s)
            try:
                self.once()
            except Exception as error:  # noqa: BLE001  the last resort: nobody would notice that the thread ended
                self._log.fault("renewal failed", error)
