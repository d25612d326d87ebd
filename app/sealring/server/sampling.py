"""A thread of each worker that looks at what is not worth counting in every request, and shows it in the metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import NoReturn

from sealring.auth.key_sources import KeySource
from sealring.auth.url_keys import UrlKeys
from sealring.errors import SealringError
from sealring.observability import metrics
from sealring.observability.logs import Log
from sealring.observability.series import Level
from sealring.store.connection.headroom import headroom
from sealring.store.connection.links import Links

SAMPLE_S = 5.0

Sample = Callable[[], None]


class Sampler:
    """Takes samples every five seconds, until the process ends. What fails is asked again the next time."""

    def __init__(self, samples: Sequence[Sample], log: Log) -> None:
        self._samples = samples
        self._log = log

    def start(self) -> None:
        Thread(target=self._run, name="sampling", daemon=True).start()

    def once(self) -> None:
        for sample in self._samples:
            with suppress(SealringError):  # the store or a provider is away: /readyz and the counts of calls say so
                sample()

    def _run(self) -> NoReturn:
        while True:
            try:
                self.once()
            except Exception as error:  # noqa: BLE001  the last resort: nobody would notice that the thread ended
                self._log.fault("sampling failed", error)
            time.sleep(SAMPLE_S)


def readiness(checks: Mapping[str, Callable[[], None]]) -> Iterable[Sample]:
    """Yield a sample of each check."""
    for name, check in checks.items():
        yield partial(_check, metrics.READY.of(check=name), check)


def memory_of(links: Links) -> Sample:
    return lambda: metrics.HEADROOM.of().set(headroom(links))


def age_of(sources: Iterable[KeySource]) -> Sample:
    fetched = [each for each in sources if isinstance(each, UrlKeys)]

    def sample() -> None:
        ages = [age for each in fetched if (age := each.age_s) is not None]
        metrics.JWKS_AGE.of().set(max(ages, default=None))

    return sample


def _check(level: Level, check: Callable[[], None]) -> None:
    try:
        check()
    except SealringError:
        level.set(0)
        raise
    level.set(1)
