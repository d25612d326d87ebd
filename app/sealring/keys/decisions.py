"""Decisions of requests: an organization's bindings and their epoch, cached; compared again before an answer leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sealring.domain.decision import Decision, Epoch
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.ports import BindingStore
from sealring.errors import IntegrityFailure, KeyDisabled
from sealring.recent import Recent

CACHED_ORGANIZATIONS = 10_000
CACHED_S = 300.0

T = TypeVar("T")


class Decisions:
    """Thread-safe. A decision may be out of date when it is made: it is compared before anything is answered.

    Each method raises StoreError, and IntegrityFailure for bindings that we did not write.
    """

    def __init__(self, store: BindingStore) -> None:
        self._store = store
        self._known: Recent[tuple[EnvironmentId, OrgId], Decision] = Recent(size=CACHED_ORGANIZATIONS, ttl_s=CACHED_S)

    def decision(self, environment: EnvironmentId, org: OrgId) -> Decision:
        """Return what is known of an organization, read now where nothing is. Its first one makes its epoch."""
        return self._known.get((environment, org)) or self.renewed(environment, org)

    def at(self, environment: EnvironmentId, org: OrgId, epoch: Epoch | None) -> Decision:
        """Return the decision of `epoch`, or else the newest one: then whoever watches the epoch has to begin again."""
        decision = self.decision(environment, org)
        return decision if decision.holds_at(epoch) else self.renewed(environment, org)

    def renewed(self, environment: EnvironmentId, org: OrgId) -> Decision:
        """Read the bindings now."""
        decision = self._store.load(environment, org)
        self._known.put((environment, org), decision)
        return decision

    def forget(self) -> None:
        """Drop every decision that is known: the store was restored."""
        self._known.clear()

    def by(self, decision: Decision, work: Callable[[Decision], T]) -> tuple[T, Decision]:
        """Do `work` by a decision, and return the one that it was done by.

        A refusal has no audit event to compare with: where the decision may be to blame for one, and is not the newest,
        the work is done once more by the newest.
        """
        try:
            return work(decision), decision
        except (KeyDisabled, IntegrityFailure):
            newest = self.renewed(decision.environment, decision.org)
            if newest.epoch == decision.epoch:
                raise
        return work(newest), newest
