"""What came of a fight: what clients were told, what is stored, and what of that cannot be."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faults.clients import Told
from faults.linearizable import Operation, Outcome, contradiction
from faults.proxy import Fault
from faults.stored import Stored

OURS = "ours"  # the clients that are no SDK


@dataclass(frozen=True)
class Report:
    told: Mapping[str, Told]  # by the kind of client
    values: Mapping[str, Sequence[str]]  # of all versions of the live objects of SDKs
    stored: Stored
    deeds: Counter[str]
    faults: Counter[Fault]

    @property
    def operations(self) -> Sequence[Operation]:
        """Those of our own clients, whose request ids are known."""
        return [each for history in self.told[OURS].histories.values() for each in history]

    @property
    def lost(self) -> Sequence[Operation]:
        """Acknowledged writes of which nothing is stored."""
        histories = [history for told in self.told.values() for history in told.histories.values()]
        wrote = [each for history in histories for each in history if each.kind in {"create", "update"}]
        acknowledged = [each for each in wrote if each.outcome is Outcome.OK]
        return [each for each in acknowledged if each.version not in self.stored.versions.get(each.object, ())]

    def lies(self, kind: str = OURS) -> Mapping[str, Sequence[Operation]]:
        """The names of which clients of a kind were told what cannot be so, and where that shows."""
        histories = self.told[kind].histories
        return {name: found for name, history in histories.items() if (found := contradiction(history))}
