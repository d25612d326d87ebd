"""A decision: the bindings a request seals and opens with. Its answer may leave only if `holds_at` the last epoch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

from sealring.domain.binding import Binding
from sealring.domain.ids import EnvironmentId, OrgId

Epoch = NewType("Epoch", bytes)  # 8 random bytes; replaced by each change of what guards an organization


def new_epoch() -> Epoch:
    """Random: a counter would repeat a number if a failover reverted a change."""
    return Epoch(os.urandom(8))


@dataclass(frozen=True, slots=True)
class Decision:
    """The bindings of one organization at one epoch.

    Everything that wraps or unwraps takes it as an argument and looks up no bindings itself. A response may leave only
    if the decision still holds at the epoch that the store returns with the audit event of that response.
    """

    environment: EnvironmentId
    org: OrgId
    epoch: Epoch
    bindings: Sequence[Binding]

    def holds_at(self, epoch: Epoch | None) -> bool:
        """Whether nothing had changed when `epoch` was read. False for None, from a store without an epoch."""
        return epoch == self.epoch

    def of_kek(self, kek_id: bytes) -> Binding | None:
        return next((each for each in self.bindings if each.id == kek_id), None)
