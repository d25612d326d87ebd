"""The interface of what is stored about the bindings of organizations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sealring.domain.binding import Binding, BindingUse
from sealring.domain.decision import Decision
from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId, Home, OrgId


@dataclass(frozen=True, slots=True)
class BindingChange:
    """The new state of a binding, others that change with it, and the event. `removes`: delete the binding."""

    binding: Binding
    event: Event
    others: Sequence[Binding] = ()
    removes: bool = False


class BindingStore(Protocol):
    """The bindings of organizations. Raises StoreError; IntegrityFailure for a record that it did not write."""

    def home(self, environment: EnvironmentId, org: OrgId) -> Home:
        """Return where an organization's keys are; every binding id begins with it."""

    def load(self, environment: EnvironmentId, org: OrgId) -> Decision:
        """Return an organization's bindings and epoch, read at one moment. The first load creates the epoch."""

    def owner(self, binding_id: bytes) -> tuple[EnvironmentId, OrgId] | None:
        """Return the environment and organization of a binding, to check access before loading it."""

    def change(
        self, environment: EnvironmentId, org: OrgId, decide: Callable[[Sequence[Binding], int], BindingChange]
    ) -> Binding:
        """Store a binding in one transaction, a new one with its KEK, or remove both.

        `decide` is called with the organization's bindings and the time in microseconds, and again after a conflict; it
        raises what forbids the change. A change of what guards the organization replaces the epoch.
        """

    def uses(self, environment: EnvironmentId, org: OrgId, bindings: Sequence[Binding]) -> Mapping[bytes, BindingUse]:
        """Return how the keys of an organization's bindings were used, by id, without those that were altered.

        Every seal is counted in the transaction of what it seals, or before that leaves the server. The last use is
        noted with the event of a request that sealed or opened something, at most once a minute for each worker.
        """

    def owners(self, partition: int) -> Sequence[tuple[EnvironmentId, OrgId]]:
        """Return the organizations of a partition that have bindings."""
