"""Housekeeping: a thread in each worker that purges and asks customers' keys, in one worker of all at a time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from threading import Thread

from sealring.errors import SealringError
from sealring.observability.logs import Log
from sealring.services.purging import Purging
from sealring.services.rounds import Rounds

ALARMS_S = 1  # how soon a key of which somebody complained is asked
INTERVAL_S = 60
LEASE_S = 150  # outlives the pause between two rounds of its holder


class Housekeeper:
    """Runs until the process ends. A worker that dies leaves its lease to expire, and the work to the next one."""

    def __init__(self, purging: Purging, rounds: Rounds, lease: Callable[[int], bool], log: Log) -> None:
        self._purging = purging
        self._rounds = rounds
        self._lease = lease
        self._log = log

    def start(self) -> None:
        Thread(target=self._work, name="housekeeping", daemon=True).start()

    def round(self) -> None:
        """Do what is due for all, if no other worker does."""
        if not self._lease(LEASE_S):
            return
        done = list(self._purging.run(time.time()))
        if refused := sum(each.refused for each in done):
            self._log.notice(f"housekeeping: {refused} deleted objects are damaged and stay; run `sealring verify`")
        self._rounds.go(self._purging.partitions)

    def attempt(self, work: Callable[[], None]) -> None:
        """Do it, and say so where it fails: it is tried again."""
        try:
            work()
        except SealringError as failure:
            self._log.notice(f"housekeeping failed ({type(failure).__name__}); it is tried again")

    def _work(self) -> None:
        next_round = time.monotonic() + random.uniform(0.5, 1.0) * INTERVAL_S  # noqa: S311  jitter, not a secret
        while True:
            time.sleep(ALARMS_S)
            self.attempt(self._rounds.answer_alarms)
            if time.monotonic() >= next_round:
                next_round = time.monotonic() + random.uniform(0.5, 1.0) * INTERVAL_S  # noqa: S311
                self.attempt(self.round)
