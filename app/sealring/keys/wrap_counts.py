"""Counts of wraps under managed KEKs: some ciphers with random nonces are safe only for a limited number of uses."""

from __future__ import annotations

import time
from collections.abc import Callable

from sealring.domain.ids import EnvironmentId, OrgId, uuid_text
from sealring.domain.kek import Kek
from sealring.domain.ports import KekStore
from sealring.errors import KeyExhausted
from sealring.observability import metrics
from sealring.recent import Recent

ALARM_SHARE = 4  # warn at a quarter of the limit: at 2**30 wraps of 2**32
COUNTED_KEKS = 1000
READ_AGAIN_S = 300.0  # until then, wraps of other processes are not counted: a few million of four billion

_NEAREST = metrics.WRAPS.of()


class WrapCounts:
    """Counts the wraps that the store last reported plus those of this process since. Thread-safe."""

    def __init__(
        self,
        keks: KekStore,
        limit: Callable[[str], int | None],
        alarm: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit` returns how many wraps a provider's keys may make (None: any number); `alarm` gets a warning text."""
        self._keks = keks
        self._limit = limit
        self._alarm = alarm
        self._near: Recent[tuple[bytes, int], float] = Recent(size=COUNTED_KEKS, ttl_s=READ_AGAIN_S, clock=clock)
        self._counts: Recent[tuple[bytes, int], int] = Recent(size=COUNTED_KEKS, ttl_s=READ_AGAIN_S, clock=clock)

    def forget(self) -> None:
        """Drop every cached count: the store was restored."""
        self._counts.clear()

    def counts(self, provider: str) -> bool:
        """Return whether the wraps of a provider's keys are counted."""
        return self._limit(provider) is not None

    def admit(self, environment: EnvironmentId, org: OrgId, kek: Kek) -> None:
        """Count one more wrap of a KEK. Raises KeyExhausted if its limit is reached; StoreError."""
        limit = self._limit(kek.provider)
        if limit is None:
            return
        count = self._counts.renew((kek.kek_id, kek.version), lambda count: count + 1)
        if count is None:
            count = self._keks.wraps(environment, org, kek) + 1
            self._counts.put((kek.kek_id, kek.version), count)
            self._show((kek.kek_id, kek.version), count / limit)
            if count > limit // ALARM_SHARE:
                self._alarm(f"KEK {uuid_text(kek.kek_id)} has made {count} of {limit} wraps: rotate it")
        if count > limit:
            raise KeyExhausted

    def _show(self, key: tuple[bytes, int], part: float) -> None:
        """Show in the metrics the largest part of its limit that a KEK has used, of those over a quarter."""
        if part > 1 / ALARM_SHARE:
            self._near.put(key, part)
        _NEAREST.set(max((each for _, each in self._near.items()), default=None))
