"""Links to the portal and its sessions in memory: the same promises as the real store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock

from sealring.crypto.store_keys import StoreKeys
from sealring.domain.clock import now_us
from sealring.domain.events import Event
from sealring.domain.ids import EnvironmentId, OrgId
from sealring.domain.portal import Link, PortalSession, PortalToken, id_of
from sealring.domain.portal_ports import LinkMade, SessionBegun
from support.memory import MemoryAudit, home


class MemoryPortal:
    """A PortalStore. Thread-safe: one lock is its transaction."""

    def __init__(self, audit: MemoryAudit, keys: StoreKeys) -> None:
        self._audit = audit
        self._keys = keys
        self._links: dict[bytes, Link] = {}
        self._sessions: dict[bytes, PortalSession] = {}
        self._lock = RLock()

    def new_token(self, environment: EnvironmentId, org: OrgId) -> PortalToken:
        return PortalToken.new(home(environment, org).partition)

    def add(self, token: PortalToken, make: Callable[[bytes, int], LinkMade]) -> Link:
        with self._lock:
            made = make(self._id(token), now_us())
            self._links[made.link.id] = made.link
            self._audit.append(made.event)
            return made.link

    def link(self, token: PortalToken) -> Link | None:
        found = self._links.get(self._id(token))
        return None if found is None or found.ends_at <= now_us() else found

    def begin(
        self, token: PortalToken, secret: PortalToken, make: Callable[[Link, bytes, int], SessionBegun]
    ) -> PortalSession | None:
        with self._lock:
            link = self.link(token)
            if link is None:
                return None
            begun = make(link, self._id(secret), now_us())
            del self._links[link.id]
            self._sessions[begun.session.id] = begun.session
            self._audit.append(begun.event)
            return begun.session

    def session(self, secret: PortalToken) -> PortalSession | None:
        return self._live(self._sessions.get(self._id(secret)))

    def end(self, session_id: bytes, ended: Callable[[PortalSession], Event]) -> PortalSession | None:
        with self._lock:
            session = self._live(self._sessions.get(session_id))
            if session is not None:
                self._audit.append(ended(session))
                del self._sessions[session_id]
            return session

    def sessions(self) -> Sequence[PortalSession]:
        return [each for each in self._sessions.values() if self._live(each) is not None]

    def _live(self, session: PortalSession | None) -> PortalSession | None:
        return None if session is None or session.ends_at <= now_us() else session

    def _id(self, token: PortalToken) -> bytes:
        return id_of(token.partition, self._keys.locator(b"portal", token.encoded))
