"""Housekeeping: a thread in each worker that purges, in one worker of all at a time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from threading import Thread

from sealring.errors import SealringError
from sealring.observability.logs import Log
from sealring.services.purging import Purging

INTERVAL_S = 60
LEASE_S = 150  # outlives the pause between two rounds of its holder


class Housekeeper:
    """Runs until the process ends. A worker that dies leaves its lease to expire, and the work to the next one."""

    def __init__(self, purging: Purging, lease: Callable[[int], bool], log: Log) -> None:
        self._purging = purging
        self._lease = lease
        self._log = log

    def start(self) -> None:
        Thread(target=self._work, name="housekeeping", daemon=True).start()

    def round(self) -> None:
        """Purge, if no other worker does."""
        try:
            if not self._lease(LEASE_S):
                return
            done = list(self._purging.run(time.time()))
        except SealringError as failure:
            self._log.notice(f"housekeeping failed ({type(failure).__name__}); it is tried again")
            return
        if refused := sum(each.refused for each in done):
            self._log.notice(f"housekeeping: {refused} deleted objects are damaged and stay; run `sealring verify`")

    def _work(self) -> None:
        while True:
            time.sleep(random.uniform(0.5, 1.0) * INTERVAL_S)  # noqa: S311  jitter, not a secret
            self.round()
