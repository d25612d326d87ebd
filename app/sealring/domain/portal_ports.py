"""The interface of what is stored of the portal. Adapters: store/ (Redis, Valkey), and one in memory for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.portal import Link, PortalSession, PortalToken


@dataclass(frozen=True, slots=True)
class LinkMade:
    """A new link, and the event."""

    link: Link
    event: Event


@dataclass(frozen=True, slots=True)
class SessionBegun:
    """A new session, and the event."""

    session: PortalSession
    event: Event


class PortalStore(Protocol):
    """Links and sessions, each until it ends; none is in a backup.

    Raises StoreError; IntegrityFailure for a record that it did not write.
    """

    def new_token(self, environment: EnvironmentId, org: OrgId) -> PortalToken:
        """Return a token that nobody has yet, of the organization's partition."""

    def add(self, token: PortalToken, make: Callable[[bytes, int], LinkMade]) -> Link:
        """Store a new link. `make` is called with its id and the time in microseconds, and again after a conflict."""

    def link(self, token: PortalToken) -> Link | None:
        """Return an unused link that has not ended."""

    def begin(
        self, token: PortalToken, secret: PortalToken, make: Callable[[Link, bytes, int], SessionBegun]
    ) -> PortalSession | None:
        """Use a link, and store its session, in one transaction; None: it has ended or was used.

        `make` is called with the link, the id of the session, and the time in microseconds, and again after a conflict.
        """

    def session(self, secret: PortalToken) -> PortalSession | None:
        """Return a session that has not ended."""

    def end(self, session_id: bytes, ended: Callable[[PortalSession], Event]) -> PortalSession | None:
        """Remove a session, and return it; None: there is none. `ended` raises what forbids it, or gives the event."""

    def sessions(self) -> Sequence[PortalSession]:
        """Return all sessions that have not ended, of every environment."""
