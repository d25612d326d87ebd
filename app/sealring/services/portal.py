"""The portal: links for customers' administrators, and the sessions that they begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sealring.domain.events import Action, Event, Origin
from sealring.domain.ids import OrgId, parse_uuid
from sealring.domain.portal import Intent, Link, PortalSession, PortalToken
from sealring.domain.portal_ports import LinkMade, PortalStore, SessionBegun
from sealring.domain.principal import Caller, Permission
from sealring.errors import ChangeRefused, InvalidBody
from sealring.services.portal_rules import PortalRules
from sealring.services.portal_urls import leads_to

LINK_PATH = "/portal"  # with `?token=`: no query ever gets into a log of ours

_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class WantedLink:
    """The link that a caller asks for."""

    org: OrgId
    intent: Intent
    return_url: str = ""
    success_url: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that began just now, and the only copy of its secret: for the cookie of whoever began it."""

    secret: str = field(repr=False)
    session: PortalSession


class Portal:
    """The use cases of applications, which make links, and of whoever has a link or a session. Thread-safe.

    Tokens are read here, whatever was sent as one. Each use case answers None for one that is forged, truncated, used
    or too old: nobody learns which.
    """

    def __init__(self, store: PortalStore, rules: PortalRules) -> None:
        self._store = store
        self.rules = rules

    def generate_link(self, caller: Caller, wanted: WantedLink) -> str:
        """Store a new link, and return its URL. Whoever opens it may do what a session may, for this organization.

        Raises Forbidden; InvalidBody for a URL to lead back to whose host is not in the settings.
        """
        principal = caller.principal
        principal.require(Permission.PORTAL_LINK)
        principal.require_organization(wanted.org)
        caller.acts_for(wanted.org)
        self._check("return_url", wanted.return_url)
        self._check("success_url", wanted.success_url)
        token = self._store.new_token(principal.environment, wanted.org)

        def make(link_id: bytes, now: int) -> LinkMade:
            link = Link(
                id=link_id,
                environment=principal.environment,
                org=wanted.org,
                intent=wanted.intent,
                return_url=wanted.return_url,
                success_url=wanted.success_url,
                made_at=now,
                ends_at=now + self.rules.link_ttl_s * _SECOND_US,
            )
            return LinkMade(link, _event(Action.PORTAL_LINK_CREATED, link, caller.origin, wanted.intent.value))

        self._store.add(token, make)
        return f"{self.rules.url}{LINK_PATH}?token={token.text}"

    def seen(self, token: str) -> Link | None:
        """Return a link that can be used, without using it: mail scanners and chat previews open links."""
        return self._store.link(PortalToken.read(token))

    def begin(self, token: str, request_id: str, source: str = "") -> Begun | None:
        """Use a link, and begin its session. Of several callers at once, one gets a session.

        If the process ends meanwhile, the link is unused, or it is used and nobody has the secret of the session.
        """
        used = PortalToken.read(token)
        secret = PortalToken.new(used.partition)

        def make(link: Link, session_id: bytes, now: int) -> SessionBegun:
            session = PortalSession.of(link, session_id, now, now + self.rules.session_ttl_s * _SECOND_US)
            origin = session.caller(request_id, source).origin
            return SessionBegun(session, _event(Action.PORTAL_SESSION_BEGAN, session, origin, session.intent.value))

        session = self._store.begin(used, secret, make)
        return None if session is None else Begun(secret.text, session)

    def session(self, secret: str) -> PortalSession | None:
        return self._store.session(PortalToken.read(secret))

    def end(self, session: PortalSession, request_id: str, source: str = "") -> None:
        """End a session, as whoever is in it wants."""
        origin = session.caller(request_id, source).origin
        self._store.end(session.id, lambda found: _event(Action.PORTAL_SESSION_ENDED, found, origin, "by its holder"))

    def _check(self, member: str, url: str) -> None:
        if url and not leads_to(url, self.rules.return_hosts):
            wrong = "An https URL of a host that the operator allows ([portal] return_hosts), in plain ASCII."
            raise InvalidBody(f"{member}: {wrong}", ((member, wrong),))


class PortalSessions:
    """The use cases of the operator, without a route. Thread-safe."""

    def __init__(self, store: PortalStore) -> None:
        self._store = store

    def list(self, caller: Caller, org: OrgId | None = None) -> Sequence[PortalSession]:
        """Return the sessions of the environment, or of one organization, that have not ended, the oldest first."""
        environment = caller.principal.environment
        found = [each for each in self._store.sessions() if each.environment == environment]
        return sorted((each for each in found if org in {None, each.org}), key=lambda each: each.began_at)

    def end(self, caller: Caller, text_id: str) -> PortalSession:
        """End a session: its next request is refused. Raises ChangeRefused if there is none."""

        def ended(found: PortalSession) -> Event:
            if found.environment != caller.principal.environment:
                raise _no_session()
            return _event(Action.PORTAL_SESSION_ENDED, found, caller.origin, "by the operator")

        session_id = parse_uuid(text_id)
        session = None if session_id is None else self._store.end(session_id, ended)
        if session is None:
            raise _no_session()
        return session


def _no_session() -> ChangeRefused:
    return ChangeRefused(
        "there is no such session, or it has ended; `sealring portal sessions list` lists those there are"
    )


def _event(action: Action, of: Link | PortalSession, origin: Origin, detail: str) -> Event:
    return Event(action=action, environment=of.environment, org=of.org, origin=origin, target=of.text_id, detail=detail)
