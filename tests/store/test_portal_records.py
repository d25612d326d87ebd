"""What is stored of the portal says no token, is told once, and is made by nobody else."""

import hashlib
from contextlib import closing

import pytest

from faults.proxy import Fault, Script
from sealring.domain.portal import PortalToken
from sealring.errors import IntegrityFailure, OutcomeUnknown, StoreLost
from sealring.services.portal import Portal, PortalSessions
from sealring.store.connection.links import Links
from sealring.store.schema.audit_entry import decode_entry
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.portal_codec import PortalCodec
from support.limits import the_operator
from support.make import ACME, BETA, ENVIRONMENT
from support.portal import RULES, alone, keys_of, portal_store_beside, portal_store_on, token_of
from support.stores import KEYS
from support.tampering import every_bit_of, refused

ME = "request-1"

# --- what is stored


def test_the_store_holds_no_token_and_no_plain_digest_of_one(links):
    portal = alone(links)
    used, unused = token_of(portal), token_of(portal)
    secrets = [PortalToken.read(each) for each in (used, unused, portal.begin(used, ME).secret)]

    stored = b"".join(key + (links.call((b"DUMP", key))[0] or b"") for key in links.call((b"KEYS", b"*"))[0])

    for each in secrets:
        for form in (each.secret, each.text.encode(), each.secret.hex().encode()):
            assert form not in stored
        for taken in (each.secret, each.encoded, each.text.encode()):
            assert hashlib.sha256(taken).digest()[:14] not in stored


def test_links_and_sessions_are_in_the_partition_that_their_tokens_name(links):
    portal = Portal(portal_store_on(links, partitions=4), RULES)
    keyspace = Keyspace(4, KEYS)
    for org in (ACME, BETA):
        partition = keyspace.partition(ENVIRONMENT, org)
        token = token_of(portal, org)

        begun = portal.begin(token, ME)

        assert PortalToken.read(token).partition == PortalToken.read(begun.secret).partition == partition
        assert begun.session.partition == partition
        assert links.call((b"EXISTS", f"s1:{{{partition}}}:f:".encode() + begun.session.id)) == [1]


def events_of(links):
    return [decode_entry(KEYS, 0, body).event for _, (_, body) in links.call((b"XRANGE", b"s1:{0}:a", b"-", b"+"))[0]]


def test_links_and_sessions_are_in_the_audit_log(links):
    portal = alone(links)
    token = token_of(portal)
    link = portal.seen(token)
    first = portal.begin(token, "request-2", "private").session
    second = portal.begin(token_of(portal), "request-3").session
    portal.end(first, "request-4")
    PortalSessions(portal_store_beside(links, partitions=1)).end(the_operator(), second.text_id)

    events = events_of(links)

    assert [(each.action.value, each.target, each.detail) for each in events] == [
        ("vault.portal.link_created", link.text_id, "bring_your_own_key"),
        ("vault.portal.session_began", first.text_id, "bring_your_own_key"),
        ("vault.portal.link_created", events[2].target, "bring_your_own_key"),
        ("vault.portal.session_began", second.text_id, "bring_your_own_key"),
        ("vault.portal.session_ended", first.text_id, "by its holder"),
        ("vault.portal.session_ended", second.text_id, "by the operator"),
    ]
    assert {(each.environment, each.org) for each in events} == {(ENVIRONMENT, ACME)}
    began = events[1].origin
    assert (began.issuer, began.subject, began.token_id) == ("urn:sealring:portal", first.text_id, link.text_id)
    assert (began.request_id, began.source) == ("request-2", "private")
    assert [each.origin.issuer for each in (events[0], events[4], events[5])] == [
        "urn:test",
        "urn:sealring:portal",
        "urn:sealring:operator",
    ]


# --- replies that are lost


def through(proxy):
    return closing(Links.to(f"redis://{proxy.address}"))


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.DROP])
def test_a_lost_reply_makes_no_second_session_and_loses_none(links, proxy, fault):
    portal = alone(links)
    token = token_of(portal)
    proxy.plan = Script(b"EXEC", fault)

    with through(proxy) as lossy:
        begun = Portal(portal_store_beside(lossy, partitions=1), RULES).begin(token, ME)

    assert portal.session(begun.secret) == begun.session
    assert list(portal_store_beside(links, partitions=1).sessions()) == [begun.session]
    assert portal.begin(token, ME) is None
    assert [each.action.value for each in events_of(links)].count("vault.portal.session_began") == 1


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.DROP])
def test_a_link_and_an_end_whose_reply_is_lost_are_made_once(links, proxy, fault):
    portal = alone(links)
    session = portal.begin(token_of(portal), ME)
    proxy.plan = Script(b"EXEC", fault)
    with through(proxy) as lossy:
        portal_store_beside(lossy, partitions=1)
        token = token_of(Portal(portal_store_beside(lossy, partitions=1), RULES))
    proxy.plan = Script(b"EXEC", fault)
    with through(proxy) as lossy:
        Portal(portal_store_beside(lossy, partitions=1), RULES).end(session.session, ME)

    assert portal.seen(token) is not None
    assert portal.session(session.secret) is None
    actions = [each.action.value for each in events_of(links)]
    assert actions.count("vault.portal.link_created") == 2
    assert actions.count("vault.portal.session_ended") == 1


class Away:
    """Loses the reply to the first EXEC, and then everything."""

    def __init__(self):
        self._is_away = False

    def __call__(self, request):
        if self._is_away:
            return Fault.DROP
        self._is_away = b"EXEC" in request
        return Fault.LOSE if self._is_away else None


def test_a_store_that_is_away_during_the_use_leaves_a_used_link_and_a_session_that_nobody_has(links, proxy):
    portal = alone(links)
    token = token_of(portal)

    proxy.plan = Away()

    with through(proxy) as lossy, pytest.raises(OutcomeUnknown):
        Portal(portal_store_beside(lossy, partitions=1), RULES).begin(token, ME)

    assert portal.seen(token) is portal.begin(token, ME) is None
    assert len(portal_store_beside(links, partitions=1).sessions()) == 1


# --- whoever can write to the store


@pytest.fixture
def there(links):
    """A link and a session, with their keys."""
    portal = alone(links)
    used, token = token_of(portal), token_of(portal)
    secret = portal.begin(used, ME).secret
    (link,), (session,) = keys_of(links, b"p"), keys_of(links, b"f")
    return portal, token, link, secret, session


def test_every_altered_bit_of_a_link_and_of_a_session_is_noticed(links, there):
    portal, token, link, secret, session = there

    for key, find in ((link, lambda: portal.seen(token)), (session, lambda: portal.session(secret))):
        (raw,) = links.call((b"GET", key))
        for altered in every_bit_of(raw):
            links.call((b"SET", key, altered))
            assert refused(find)
        links.call((b"SET", key, raw))
        assert find() is not None


def test_the_record_of_another_link_session_or_kind_is_noticed(links, there):
    portal, token, link, secret, session = there
    other = portal.begin(token_of(portal, BETA), ME).session
    (of_another,) = links.call((b"GET", b"s1:{0}:f:" + other.id))
    (of_a_link,) = links.call((b"GET", link))

    for raw in (of_another, of_a_link):
        links.call((b"SET", session, raw))
        assert refused(lambda: portal.session(secret))
    links.call((b"SET", link, of_another))
    assert refused(lambda: portal.seen(token))
    assert refused(lambda: portal.begin(token, ME))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x02" + bytes(40),
        b"\x01" + bytes(22),
        b"\x01" + bytes(24),
        b"\x01\x01\xff" + bytes(22),
        b"\x01\x00\x00\x03sso" + bytes(20),
    ],
)
def test_a_record_that_is_not_of_this_format_is_refused_under_its_own_mac(body):
    codec, raw_id = PortalCodec(KEYS), bytes(16)

    with pytest.raises(IntegrityFailure):
        codec.decode_link(raw_id, body + codec._mac(b"portal link", raw_id, body))
    with pytest.raises(IntegrityFailure):
        codec.decode_session(raw_id, body + codec._mac(b"portal session", raw_id, body))


def test_a_record_is_refused_under_the_mac_of_the_other_kind(there):
    portal, token, _, secret, _ = there
    codec, link, session = PortalCodec(KEYS), portal.seen(token), portal.session(secret)
    as_link, as_session = codec.encode_link(link)[:-16], codec.encode_session(session)[:-16]

    with pytest.raises(IntegrityFailure):
        codec.decode_link(link.id, as_link + codec._mac(b"portal session", link.id, as_link))
    with pytest.raises(IntegrityFailure):
        codec.decode_session(session.id, as_session + codec._mac(b"portal link", session.id, as_session))


def test_an_id_in_the_list_is_no_session(links, there):
    portal, _, _, secret, _ = there
    links.call((b"ZADD", b"s1:{0}:fs", 9e15, bytes(16)))

    assert [each.id for each in portal_store_beside(links, partitions=1).sessions()] == [portal.session(secret).id]


@pytest.mark.parametrize("harm", [(b"DEL", b"s1:{0}:z"), (b"SET", b"s1:{0}:z", b"another"), (b"FLUSHALL",)], ids=str)
def test_a_store_that_was_emptied_or_replaced_has_no_portal(links, there, harm):
    portal, token, _, secret, _ = there
    session = portal.session(secret)
    links.call(harm)

    for ask in (
        lambda: portal.seen(token),
        lambda: portal.begin(token, ME),
        lambda: portal.session(secret),
        lambda: portal.end(session, ME),
        lambda: token_of(portal),
        lambda: portal_store_beside(links, partitions=1).sessions(),
    ):
        with pytest.raises(StoreLost):
            ask()
