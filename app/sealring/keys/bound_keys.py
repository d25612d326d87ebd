"""The bindings of organizations, as this process knows them: each as of the epoch at which it was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sealring.domain.binding import Binding
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.ports import BindingStore
from sealring.keys.recent import Recent

CACHED_ORGANIZATIONS = 10_000
CACHED_S = 300.0

_Owner = tuple[EnvironmentId, OrgId]


@dataclass(frozen=True, slots=True)
class Known:
    """The bindings of one organization at one epoch."""

    epoch: int
    bindings: Sequence[Binding]

    def of_kek(self, kek_id: bytes) -> Binding | None:
        return next((each for each in self.bindings if each.id == kek_id), None)


class BoundKeys:
    """Thread-safe. What is returned may be out of date: `is_current` tells, with an epoch that was read later."""

    def __init__(self, store: BindingStore) -> None:
        self._store = store
        self._known: Recent[_Owner, Known] = Recent(size=CACHED_ORGANIZATIONS, ttl_s=CACHED_S)

    def of(self, environment: EnvironmentId, org: OrgId) -> Known:
        """Return what is known, read now where nothing is. Raises StoreError; IntegrityFailure."""
        return self._known.get((environment, org)) or self.renewed(environment, org)

    def at(self, environment: EnvironmentId, org: OrgId, epoch: int) -> Known:
        """Return what is known as of `epoch` or later."""
        known = self.of(environment, org)
        return known if known.epoch == epoch else self.renewed(environment, org)

    def is_current(self, environment: EnvironmentId, org: OrgId, epoch: int) -> bool:
        """Whether whatever was decided until now still holds at `epoch`; if not, it is read anew."""
        known = self._known.get((environment, org))
        if known is None or known.epoch == epoch:
            return True
        self.renewed(environment, org)
        return False

    def renewed(self, environment: EnvironmentId, org: OrgId) -> Known:
        """Read the bindings anew, as before a refusal: that it was lifted elsewhere shows in no epoch read so far."""
        known = Known(*self._store.load(environment, org))
        self._known.put((environment, org), known)
        return known
