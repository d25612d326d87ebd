"""Housekeeping: threads in each worker that purge and ask customers' keys, in one worker of all at a time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Thread

from sealring.domain.ports import Lease
from sealring.errors import SealringError
from sealring.observability.logs import Log
from sealring.services.health_checks import HealthChecks
from sealring.services.purging import Purging

FAILED_KEYS_S = 1  # how soon a key of which somebody complained is asked
INTERVAL_S = 60
LEASE_S = 150  # outlives the pause between two health_checks of its holder
KEYS_AT_ONCE = 4  # that are asked; each of another organization


class Housekeeper:
    """Runs until the process ends. A worker that dies leaves its lease to expire, and the work to the next one.

    Each kind of work has threads of its own: a key that does not answer keeps nothing from being purged.
    """

    def __init__(self, purging: Purging, health_checks: HealthChecks, lease: Callable[[int], Lease], log: Log) -> None:
        self._purging = purging
        self._checks = health_checks
        self._lease = lease
        self._log = log

    def start(self, beside_requests: Callable[[], AbstractContextManager[None]]) -> None:
        """`beside_requests`: what lets a thread ask keys without a place of those that requests wait in."""

        def ask() -> None:
            with beside_requests():
                while True:
                    self.attempt(lambda: self._checks.check_next(INTERVAL_S))

        for work in (self._purge, self._check_keys, *[ask] * KEYS_AT_ONCE):
            Thread(target=work, name="housekeeping", daemon=True).start()

    def purge(self) -> None:
        """Purge what is due, if no other worker does."""
        if not self._leads():
            return
        done = list(self._purging.run(time.time()))
        if refused := sum(each.refused for each in done):
            self._log.notice(f"housekeeping: {refused} deleted objects are damaged and stay; run `sealring verify`")
        if damaged := sum(each.damaged for each in done):
            self._log.notice(f"housekeeping: {damaged} partitions are damaged, and not purged; run `sealring verify`")

    def enqueue_checks(self) -> None:
        """Let the keys of all be asked, if no other worker does."""
        if not self._leads():
            self._checks.cancel()
        elif damaged := self._checks.begin(self._purging.partitions):
            self._log.notice(
                f"housekeeping: whose bindings {damaged} partitions hold is damaged; run `sealring verify`"
            )

    def attempt(self, work: Callable[[], object]) -> None:
        """Do it, and say so where it fails: it is tried again."""
        try:
            work()
        except SealringError as failure:
            self._log.notice(f"housekeeping failed ({type(failure).__name__}); it is tried again")
        except Exception as error:  # noqa: BLE001  the last resort: a thread that ends is missed by nobody
            self._log.fault("housekeeping failed", error)

    def _leads(self) -> bool:
        """Whether this worker keeps house now."""
        lease = self._lease(LEASE_S)
        if lease is Lease.REPLACED:
            self._log.notice("housekeeping: what stood in the store as the lease of another worker was none; replaced")
        return lease is not Lease.ANOTHERS

    def _purge(self) -> None:
        while True:
            time.sleep(_interval_s())
            self.attempt(self.purge)

    def _check_keys(self) -> None:
        next_round = time.monotonic() + _interval_s()
        while True:
            time.sleep(FAILED_KEYS_S)
            self.attempt(self._checks.enqueue_failed)
            if time.monotonic() >= next_round:
                next_round = time.monotonic() + _interval_s()
                self.attempt(self.enqueue_checks)


def _interval_s() -> float:
    return random.uniform(0.5, 1.0) * INTERVAL_S  # noqa: S311  jitter, not a secret
