"""Background threads that purge expired data and check customers' keys, active in one worker at a time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Thread

from sealring.domain.ports import Lease
from sealring.errors import SealringError
from sealring.observability import metrics
from sealring.observability.logs import Log
from sealring.services.health_checks import HealthChecks
from sealring.services.purging import Purging

FAILED_KEYS_S = 1  # how soon a key that failed in a request is checked
INTERVAL_S = 60
LEASE_S = 150  # longer than the holder pauses between two renewals
KEYS_AT_ONCE = 4  # keys checked at once, each of another organization

_BACKLOG, _COMPLETED = metrics.PURGE_BACKLOG.of(), metrics.PURGED_AT.of()


class Housekeeper:
    """Runs until the process ends. If the worker that holds the lease dies, the lease expires and another takes over.

    Each kind of work has its own threads, so that a key that does not answer does not delay purging.
    """

    def __init__(self, purging: Purging, health_checks: HealthChecks, lease: Callable[[int], Lease], log: Log) -> None:
        self._purging = purging
        self._checks = health_checks
        self._lease = lease
        self._log = log

    def start(self, beside_requests: Callable[[], AbstractContextManager[None]]) -> None:
        """`beside_requests` lets a thread call providers without taking a place that requests wait for."""

        def ask() -> None:
            with beside_requests():
                while True:
                    self.attempt(lambda: self._checks.check_next(INTERVAL_S))

        _COMPLETED.set(time.time())
        for work in (self._purge, self._check_keys, *[ask] * KEYS_AT_ONCE):
            Thread(target=work, name="housekeeping", daemon=True).start()

    def purge(self) -> None:
        """Purge what is due, if this worker has the lease."""
        if not self._leads():
            _BACKLOG.set(None)  # the worker that has the lease shows it
            return
        done = list(self._purging.run(time.time()))
        _BACKLOG.set(sum(each.refused + each.damaged for each in done))
        _COMPLETED.set(time.time())
        if refused := sum(each.refused for each in done):
            self._log.notice(f"housekeeping: {refused} deleted objects are damaged and stay; run `sealring verify`")
        if damaged := sum(each.damaged for each in done):
            self._log.notice(
                f"housekeeping: {damaged} partitions are damaged and were not purged; run `sealring verify`"
            )

    def enqueue_checks(self) -> None:
        """Queue health checks of all active keys if this worker has the lease, and cancel them if not."""
        if not self._leads():
            self._checks.cancel()
        elif damaged := self._checks.begin(self._purging.partitions):
            self._log.notice(
                f"housekeeping: the list of organizations is damaged in {damaged} partitions; run `sealring verify`"
            )

    def attempt(self, work: Callable[[], object]) -> None:
        """Do the work, and log a failure. The caller retries."""
        try:
            work()
        except SealringError as failure:
            self._log.notice(f"housekeeping failed ({type(failure).__name__}); it will be retried")
        except Exception as error:  # noqa: BLE001  the last resort: nobody would notice that the thread ended
            self._log.fault("housekeeping failed", error)

    def _leads(self) -> bool:
        """Take or renew the lease, and return whether this worker has it."""
        lease = self._lease(LEASE_S)
        if lease is Lease.REPLACED:
            self._log.notice("housekeeping: the lease of another worker in the store was malformed, and was replaced")
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
