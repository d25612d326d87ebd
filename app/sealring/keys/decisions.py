"""Decisions: an organization's bindings and their epoch, cached, and compared again before an answer is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sealring.domain.binding_ports import BindingStore
from sealring.domain.decision import Decision, Epoch
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.errors import IntegrityFailure, KeyDisabled
from sealring.observability import metrics
from sealring.recent import Recent

CACHED_ORGANIZATIONS = 10_000
CACHED_S = 300.0

T = TypeVar("T")

_HIT, _MISS = (metrics.CACHE.of(cache="decisions", outcome=outcome) for outcome in ("hit", "miss"))


class Decisions:
    """Thread-safe. A decision may be out of date: callers compare its epoch before they answer.

    Each method raises StoreError, and IntegrityFailure for bindings that we did not write.
    """

    def __init__(self, store: BindingStore) -> None:
        self._store = store
        self._known: Recent[tuple[EnvironmentId, OrgId], Decision] = Recent(size=CACHED_ORGANIZATIONS, ttl_s=CACHED_S)

    def decision(self, environment: EnvironmentId, org: OrgId) -> Decision:
        """Return the cached decision, or read it. The first read of an organization makes its epoch."""
        known = self._known.get((environment, org))
        if known is not None:
            _HIT.add()
            return known
        _MISS.add()
        return self.renewed(environment, org)

    def at(self, environment: EnvironmentId, org: OrgId, epoch: Epoch | None) -> Decision:
        """Return the decision of `epoch`, else the newest: then a writer that watches the epoch has to start again."""
        decision = self.decision(environment, org)
        return decision if decision.holds_at(epoch) else self.renewed(environment, org)

    def renewed(self, environment: EnvironmentId, org: OrgId) -> Decision:
        """Read the bindings now, and cache them."""
        decision = self._store.load(environment, org)
        self._known.put((environment, org), decision)
        return decision

    def forget(self) -> None:
        """Drop every cached decision: the store was restored."""
        self._known.clear()

    def by(self, decision: Decision, work: Callable[[Decision], T]) -> tuple[T, Decision]:
        """Do `work` under a decision. Return the result, and the decision that was used.

        A refusal has no audit event whose epoch could be compared: if the decision may be the reason for a refusal, and
        is not the newest, the work is done again under the newest.
        """
        try:
            return work(decision), decision
        except (KeyDisabled, IntegrityFailure):
            newest = self.renewed(decision.environment, decision.org)
            if newest.epoch == decision.epoch:
                raise
        return work(newest), newest
