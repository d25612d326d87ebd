"""Links to the portal are used once, and its sessions end, on every store; whoever can write to it makes none."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from sealring.domain.events import Action, Event
from sealring.domain.portal import Intent, Link, PortalSession, PortalToken
from sealring.domain.portal_ports import LinkMade, SessionBegun
from sealring.services.portal import Portal, PortalSessions
from support.limits import the_operator
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT, caller
from support.portal import RULES, alone, keys_of, portal_store_beside, portal_store_on, token_of
from support.stores import fake_links, memory
from support.waiting import becomes_true

LINKS = {"valkey": "links", "acl": "acl_links", "cluster": "cluster_links", "valkey in a fiber": "links"}
ME = "request-1"
FORGED = [
    "",
    "x",
    "é" * 46,
    "\ud800",
    "A" * 45,
    "A" * 46,
    "A" * 47,
    "_" * 46,
    f" {'A' * 46}",
    f"{'A' * 46}\n",
    "A" * 100_000,
]


@pytest.fixture(params=["memory", "fakeredis", *LINKS])
def store(request):
    if request.param == "memory":
        return memory().portal
    if request.param == "fakeredis":
        return portal_store_on(fake_links())
    return portal_store_on(request.getfixturevalue(LINKS[request.param]))


@pytest.fixture
def portal(store):
    return Portal(store, RULES)


# --- what every store promises


def test_a_link_that_is_looked_at_is_not_used(portal):
    token = token_of(portal, return_url="https://app.example/x")

    seen = [portal.seen(token) for _ in range(3)]

    assert seen[0] == seen[1] == seen[2]
    assert (seen[0].environment, seen[0].org, seen[0].intent) == (ENVIRONMENT, ACME, Intent.BRING_YOUR_OWN_KEY)
    assert (seen[0].return_url, seen[0].success_url) == ("https://app.example/x", "")
    assert seen[0].ends_at - seen[0].made_at == 300_000_000
    assert portal.begin(token, ME) is not None


def test_a_link_is_used_once(portal):
    token = token_of(portal)

    assert portal.begin(token, ME) is not None
    assert portal.begin(token, ME) is None
    assert portal.seen(token) is None


def test_a_session_is_for_what_its_link_was_for(portal):
    token = token_of(portal, BETA, success_url="https://app.example/done")
    link = portal.seen(token)

    begun = portal.begin(token, ME)

    assert portal.session(begun.secret) == begun.session
    assert begun.session.link_id == link.id
    assert (begun.session.environment, begun.session.org, begun.session.intent) == (ENVIRONMENT, BETA, link.intent)
    assert begun.session.success_url == "https://app.example/done"
    assert begun.session.ends_at - begun.session.began_at == 3_600_000_000


def test_the_token_of_a_link_is_not_that_of_its_session_nor_the_other_way_round(portal):
    token = token_of(portal)
    unused = token_of(portal)
    begun = portal.begin(token, ME)

    assert portal.session(token) is portal.session(unused) is None
    assert portal.seen(begun.secret) is portal.begin(begun.secret, ME) is None


def test_a_session_that_was_ended_is_gone_and_others_are_not(portal):
    mine, other = (portal.begin(token_of(portal), ME) for _ in range(2))

    portal.end(mine.session, ME)
    portal.end(mine.session, ME)

    assert portal.session(mine.secret) is None
    assert portal.session(other.secret) == other.session


@pytest.mark.parametrize("text", FORGED, ids=range(len(FORGED)))
def test_a_text_that_is_no_token_is_answered_as_one_of_nothing(portal, text):
    assert portal.seen(text) is portal.begin(text, ME) is portal.session(text) is None


def test_every_altered_character_of_a_token_is_another_token(portal):
    token = token_of(portal)
    secret = portal.begin(token_of(portal), ME).secret

    for right, find in ((token, portal.seen), (secret, portal.session)):
        for place in range(len(right)):
            wrong = f"{right[:place]}{'A' if right[place] != 'A' else 'B'}{right[place + 1 :]}"
            assert find(wrong) is None
        assert find(right) is not None


def test_no_other_spelling_of_a_token_is_taken(portal):
    """The last character has four bits that mean nothing."""
    token = token_of(portal)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [token[:-1] + last for last in alphabet] + [f"{token}=", f"{token}=="]

    assert [spelling for spelling in spellings if portal.seen(spelling) is not None] == [token]


def at_once(works):
    """What each of these works gets, which all begin together."""
    barrier = Barrier(len(works))

    def begin(work):
        barrier.wait(timeout=10)
        return work(ME)

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(begin, works))


def test_of_many_who_use_a_link_at_once_one_has_a_session(links):
    portals = [Portal(portal_store_on(links), RULES), *(Portal(portal_store_beside(links), RULES) for _ in range(3))]

    for _ in range(20):
        begun = at_once([partial(each.begin, token) for token in [token_of(portals[0])] for each in portals])

        assert sum(each is not None for each in begun) == 1
    assert len(portal_store_beside(links).sessions()) == 20


def test_the_operator_sees_the_sessions_of_an_environment_or_organization_and_ends_one(store, portal):
    first, second = portal.begin(token_of(portal), ME), portal.begin(token_of(portal, BETA), ME)
    sessions = PortalSessions(store)
    assert list(sessions.list(the_operator())) == [first.session, second.session]
    assert list(sessions.list(the_operator(), BETA)) == [second.session]
    assert list(sessions.list(the_operator(OTHER_ENVIRONMENT))) == []

    assert sessions.end(the_operator(), first.session.text_id) == first.session

    assert portal.session(first.secret) is None
    assert list(sessions.list(the_operator())) == [second.session]


# --- time


LASTS_US = 50_000


def brief_link(portal):
    """The token of a link that soon ends."""
    token = portal._store.new_token(ENVIRONMENT, ACME)

    def make(link_id, now):
        link = Link(link_id, ENVIRONMENT, ACME, Intent.BRING_YOUR_OWN_KEY, "", "", now, now + LASTS_US)
        return LinkMade(link, Event(Action.PORTAL_LINK_CREATED, ENVIRONMENT, ACME, caller(ACME).origin))

    portal._store.add(token, make)
    return token.text


def brief_session(portal):
    """The secret of a session that soon ends."""
    link = PortalToken.read(token_of(portal))
    secret = PortalToken.new(link.partition)

    def make(used, session_id, now):
        session = PortalSession.of(used, session_id, now, now + LASTS_US)
        return SessionBegun(session, Event(Action.PORTAL_SESSION_BEGAN, ENVIRONMENT, ACME, caller(ACME).origin))

    portal._store.begin(link, secret, make)
    return secret.text


def test_a_link_and_a_session_expire_in_the_store(links):
    portal = alone(links, link_ttl_s=60, session_ttl_s=300)
    begun = portal.begin(token_of(portal), ME)
    token_of(portal)

    (link,), (session,) = keys_of(links, b"p"), keys_of(links, b"f")

    assert 59_000 < links.call((b"PTTL", link))[0] <= 60_000
    assert 299_000 < links.call((b"PTTL", session))[0] <= 300_000
    assert begun.session.id in session
    assert 0 < links.call((b"TTL", b"s1:{0}:fs"))[0] <= 86_400


@pytest.mark.parametrize(
    ("brief", "letter", "find"), [(brief_link, b"p", Portal.seen), (brief_session, b"f", Portal.session)]
)
def test_one_that_somebody_keeps_beyond_its_time_has_ended_all_the_same(links, brief, letter, find):
    """Whoever can write to the store can prevent it from expiring."""
    portal = alone(links)
    token = brief(portal)
    (key,) = keys_of(links, letter)
    links.call((b"PERSIST", key))

    assert becomes_true(lambda: find(portal, token) is None)

    assert links.call((b"EXISTS", key)) == [1]
    assert portal.begin(token, ME) is None
    assert portal_store_beside(links, partitions=1).sessions() == []


def test_sessions_that_have_ended_leave_the_list_with_the_next_one(links):
    portal = alone(links)
    gone = brief_session(portal)
    assert becomes_true(lambda: portal.session(gone) is None)

    stays = portal.begin(token_of(portal), ME)

    assert links.call((b"ZRANGE", b"s1:{0}:fs", 0, -1))[0] == [stays.session.id]
