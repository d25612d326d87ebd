"""A decision: the bindings by which a request seals, opens, and finally lets its answer leave or not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

from sealring.domain.binding import Binding
from sealring.domain.ids import EnvironmentId, OrgId

Epoch = NewType("Epoch", bytes)  # 8 random bytes; another one with each change of what guards an organization


def new_epoch() -> Epoch:
    """Random: a counter would come to a number again where a failover takes a change back."""
    return Epoch(os.urandom(8))


@dataclass(frozen=True, slots=True)
class Decision:
    """The bindings of one organization at one epoch.

    It is an argument of whatever wraps and unwraps, and is looked up nowhere else. What was done by it may be answered
    only if it holds at the epoch that the store says beside the audit event of the answer.
    """

    environment: EnvironmentId
    org: OrgId
    epoch: Epoch
    bindings: Sequence[Binding]

    def holds_at(self, epoch: Epoch | None) -> bool:
        """Whether nothing has changed until `epoch` was read. A store that has none (None) proves nothing."""
        return epoch == self.epoch

    def of_kek(self, kek_id: bytes) -> Binding | None:
        return next((each for each in self.bindings if each.id == kek_id), None)
