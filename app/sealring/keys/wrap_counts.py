"""How often a managed KEK has wrapped: some ciphers with random nonces may do so only so often under one key."""

from __future__ import annotations

import time
from collections.abc import Callable

from sealring.domain.ids import EnvironmentId, OrgId, uuid_text
from sealring.domain.kek import Kek
from sealring.domain.ports import KekStore
from sealring.errors import KeyExhausted
from sealring.recent import Recent

ALARM_SHARE = 4  # an alarm at a quarter of what a key may do: at 2**30 wraps of 2**32
COUNTED_KEKS = 1000
READ_AGAIN_S = 300.0  # what other processes wrapped meanwhile is not known: some millions of four milliards


class WrapCounts:
    """Counts by what the store says at times and by what this process has done since. Thread-safe."""

    def __init__(
        self,
        keks: KekStore,
        limit: Callable[[str], int | None],
        alarm: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`limit` tells how many wraps a provider's keys may make, None: any number; `alarm` is told what to do."""
        self._keks = keks
        self._limit = limit
        self._alarm = alarm
        self._counts: Recent[tuple[bytes, int], int] = Recent(size=COUNTED_KEKS, ttl_s=READ_AGAIN_S, clock=clock)

    def forget(self) -> None:
        """Drop every count that is known: the store was restored."""
        self._counts.clear()

    def counts(self, provider: str) -> bool:
        """Whether wraps of a provider's keys are counted."""
        return self._limit(provider) is not None

    def admit(self, environment: EnvironmentId, org: OrgId, kek: Kek) -> None:
        """Let a KEK wrap once more. Raises KeyExhausted where it may not; StoreError."""
        limit = self._limit(kek.provider)
        if limit is None:
            return
        count = self._counts.renew((kek.kek_id, kek.version), lambda count: count + 1)
        if count is None:
            count = self._keks.wraps(environment, org, kek) + 1
            self._counts.put((kek.kek_id, kek.version), count)
            if count > limit // ALARM_SHARE:
                self._alarm(f"KEK {uuid_text(kek.kek_id)} has made {count} of {limit} wraps: rotate it")
        if count > limit:
            raise KeyExhausted
