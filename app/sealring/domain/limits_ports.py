"""The interfaces of what is stored about the limits of organizations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.limits import Override, Use


@dataclass(frozen=True, slots=True)
class LimitsChange:
    """All limits that organizations of an environment have from now on, and the event."""

    overrides: Mapping[OrgId, Override]
    event: Event


class UsageStore(Protocol):
    """The counts of what organizations store, moved by each write. Raises StoreError."""

    def load(self, environment: EnvironmentId, org: OrgId) -> Use:
        """Return what an organization has stored."""


class LimitsStore(Protocol):
    """The limits that an operator set for organizations, by environment. Raises StoreError."""

    def load(self, environment: EnvironmentId) -> Mapping[OrgId, Override]:
        """Return all of them: the same object as the last time if nothing has changed.

        Raises IntegrityFailure if they are not the ones that we wrote, or if those that were there are gone.
        """

    def change(
        self, environment: EnvironmentId, decide: Callable[[Mapping[OrgId, Override]], LimitsChange]
    ) -> Mapping[OrgId, Override]:
        """Store new limits in one transaction, with the event, and return them.

        `decide` is called with the present ones, and again after a conflict. Raises IntegrityFailure likewise.
        """

    def begin(self, environment: EnvironmentId, event: Event) -> None:
        """Replace all limits of an environment by none, whatever is stored."""
