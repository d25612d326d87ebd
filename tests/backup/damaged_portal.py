"""Ways to damage links to the portal and its sessions; each returns what a sweep has to find."""

from sealring.domain.ids import uuid_text
from sealring.domain.portal import PortalToken
from sealring.store.schema.keyspace import Kind
from support.make import ACME
from support.portal import token_of


def _link(it):
    """The id and the key of a new link."""
    link_id = it.keyspace.portal_id(PortalToken.read(token_of(it.opened.use.portal, ACME)))
    return link_id, it.keyspace.portal(Kind.PORTAL_LINK, link_id)


def _session(it):
    """The id and the key of a new session."""
    session_id = it.opened.use.portal.begin(token_of(it.opened.use.portal, ACME), "request-1").session.id
    return session_id, it.keyspace.portal(Kind.PORTAL_SESSION, session_id)


def _found(it, what, raw_id):
    return [f"partition {it.mine.id.partition}: {what} was altered ({uuid_text(raw_id)})"]


def altered_link(it):
    link_id, key = _link(it)
    it.flip(key)
    return _found(it, "a link to the portal", link_id)


def link_of_another_type(it):
    link_id, key = _link(it)
    it.call(b"DEL", key)
    it.call(b"HSET", key, b"x", b"y")
    return _found(it, "a link to the portal", link_id)


def altered_session(it):
    session_id, key = _session(it)
    it.flip(key)
    return _found(it, "a session of the portal", session_id)


def link_in_the_place_of_a_session(it):
    link_id, key = _link(it)
    it.call(b"RENAME", key, it.keyspace.portal(Kind.PORTAL_SESSION, link_id))
    return _found(it, "a session of the portal", link_id)


def sessions_of_another_type(it):
    it.call(b"SET", it.keyspace.portal_sessions(it.mine.id.partition), b"x")
    return [f"partition {it.mine.id.partition}: the list of the portal's sessions is of another type"]


PORTAL = (
    altered_link,
    link_of_another_type,
    altered_session,
    link_in_the_place_of_a_session,
    sessions_of_another_type,
)
