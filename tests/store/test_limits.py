"""Limits that an operator set are kept by every store; and whoever can write to it changes none unnoticed."""

from contextlib import closing

import pytest

from faults.proxy import Fault, Script
from sealring.domain.events import Action, Event
from sealring.domain.ids import NO_ORG
from sealring.domain.limits import Override
from sealring.domain.limits_ports import LimitsChange
from sealring.errors import ChangeRefused, IntegrityFailure
from sealring.services import limits as services_limits
from sealring.services.limits import LimitChanges
from sealring.store.connection.links import Links
from sealring.store.schema.audit_entry import decode_entry
from sealring.store.schema.keyspace import Keyspace
from sealring.store.schema.limits_codec import SEAL, LimitsCodec
from store.limits_kit import HIGH, LOW
from support.limits import key_of, limits_beside, limits_on, set_limits, the_operator
from support.make import ACME, BETA, ENVIRONMENT, OTHER_ENVIRONMENT
from support.stores import KEYS, fake_links
from support.tampering import every_bit_of, refused

LINKS = {"valkey": "links", "acl": "acl_links", "cluster": "cluster_links"}

# --- what every store promises


@pytest.fixture(params=["fakeredis", *LINKS])
def store(request):
    if request.param == "fakeredis":
        return limits_on(fake_links())
    return limits_on(request.getfixturevalue(LINKS[request.param]))


def test_an_environment_begins_with_none(store):
    assert store.load(ENVIRONMENT) == {}


def test_what_is_set_is_loaded(store):
    set_limits(store, ACME, LOW)
    set_limits(store, BETA, HIGH)

    assert store.load(ENVIRONMENT) == {ACME: LOW, BETA: HIGH}


def test_what_is_set_later_keeps_what_it_does_not_name(store):
    set_limits(store, ACME, LOW)

    made = set_limits(store, ACME, Override(contexts=0))

    assert made == Override(objects=1, contexts=0)
    assert store.load(ENVIRONMENT) == {ACME: made}


def test_what_is_cleared_is_gone_and_the_rest_stays(store):
    set_limits(store, ACME, LOW)
    set_limits(store, BETA, HIGH)

    LimitChanges(store).clear(the_operator(), ACME)

    assert store.load(ENVIRONMENT) == {BETA: HIGH}


def test_nothing_to_clear_is_refused(store):
    with pytest.raises(ChangeRefused):
        LimitChanges(store).clear(the_operator(), ACME)


def test_an_environment_has_none_of_another(store):
    set_limits(store, ACME, LOW, environment=OTHER_ENVIRONMENT)

    assert store.load(ENVIRONMENT) == {}


def test_what_another_sets_meanwhile_is_kept(store):
    rivals = iter([lambda: set_limits(store, BETA, HIGH)])

    def decide(found):
        next(rivals, lambda: None)()
        event = Event(Action.LIMITS_SET, ENVIRONMENT, NO_ORG, the_operator().origin)
        return LimitsChange({**found, ACME: LOW}, event)

    store.change(ENVIRONMENT, decide)

    assert store.load(ENVIRONMENT) == {ACME: LOW, BETA: HIGH}


def test_limits_that_have_not_changed_are_the_same_object(store):
    set_limits(store, ACME, LOW)

    assert store.load(ENVIRONMENT) is store.load(ENVIRONMENT)


def test_an_environment_takes_no_more_than_its_maximum(store, monkeypatch):
    monkeypatch.setattr(services_limits, "MAX_OVERRIDES", 1)
    set_limits(store, ACME, LOW)

    with pytest.raises(ChangeRefused, match="the maximum"):
        set_limits(store, BETA, LOW)
    set_limits(store, ACME, HIGH)


# --- what is stored with it


def events_of(links):
    stream = Keyspace(1, KEYS).audit(0)
    return [decode_entry(KEYS, 0, body).event for _, (_, body) in links.call((b"XRANGE", stream, b"-", b"+"))[0]]


def test_each_change_is_in_the_audit_log(links):
    changes = LimitChanges(limits_on(links, partitions=1))
    changes.set(the_operator(), ACME, HIGH)
    changes.clear(the_operator(), ACME)
    changes.clear_all(the_operator())

    assert [(each.action.value, each.target, each.detail) for each in events_of(links)] == [
        ("vault.limits.set", "org_acme", "requests_per_second=9 objects=2 bytes=3 contexts=4"),
        ("vault.limits.cleared", "org_acme", ""),
        ("vault.limits.cleared", "", ""),
    ]
    assert {(each.environment, each.org) for each in events_of(links)} == {(ENVIRONMENT, NO_ORG)}


def test_a_change_whose_reply_is_lost_is_made_and_told_once(links, proxy):
    limits_on(links, partitions=1)
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    with closing(Links.to(f"redis://{proxy.address}")) as through:
        made = set_limits(limits_beside(through, partitions=1), ACME, LOW)

    assert made == LOW
    assert len(events_of(links)) == 1


# --- whoever can write to the store


@pytest.fixture
def set_there(links):
    """A store with two limits, and a way to look at it as a worker that starts now."""
    store = limits_on(links)
    set_limits(store, ACME, LOW)
    set_limits(store, BETA, HIGH)
    return lambda: limits_beside(links).load(ENVIRONMENT)


def test_every_altered_bit_of_a_record_or_of_the_seal_is_noticed(links, set_there):
    key = key_of()
    for field in links.call((b"HKEYS", key))[0]:
        (raw,) = links.call((b"HGET", key, field))
        for altered in every_bit_of(raw):
            links.call((b"HSET", key, field, altered))
            assert refused(set_there)
        links.call((b"HSET", key, field, raw))

    assert set_there() == {ACME: LOW, BETA: HIGH}


@pytest.mark.parametrize("field", [ACME.encode(), SEAL], ids=["a record", "the seal"])
def test_what_was_removed_is_noticed(links, set_there, field):
    links.call((b"HDEL", key_of(), field))

    assert refused(set_there)


def test_a_record_under_another_organization_is_noticed(links, set_there):
    (raw,) = links.call((b"HGET", key_of(), ACME))
    links.call((b"HSET", key_of(), BETA, raw))

    assert refused(set_there)


def test_the_limits_of_another_environment_are_noticed(links, set_there):
    set_limits(limits_beside(links), ACME, HIGH, environment=OTHER_ENVIRONMENT)
    flat = links.call((b"HGETALL", key_of(OTHER_ENVIRONMENT)))[0]
    links.call((b"DEL", key_of()), (b"HSET", key_of(), *flat))

    assert refused(set_there)


def test_an_earlier_record_in_a_later_list_is_noticed(links, set_there):
    (raw,) = links.call((b"HGET", key_of(), ACME))
    set_limits(limits_beside(links), ACME, Override(objects=5))
    links.call((b"HSET", key_of(), ACME, raw))

    assert refused(set_there)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x02" + bytes(36),
        b"\x01" + bytes(35),
        b"\x01" + bytes(37),
        b"\x01\x02" + bytes(35),
        b"\x01\x00" + bytes(7) + b"\x01" + bytes(27),
    ],
)
def test_a_record_that_is_not_of_this_format_is_refused_under_its_own_mac(body):
    codec = LimitsCodec(KEYS)
    fields = {ACME.encode(): body + codec._mac(ENVIRONMENT, ACME.encode(), body)}
    fields[SEAL] = codec._seal(ENVIRONMENT, fields)

    with pytest.raises(IntegrityFailure):
        codec.decode(ENVIRONMENT, fields)


def test_an_altered_list_takes_no_change_but_can_be_cleared_altogether(links, set_there):
    links.call((b"HDEL", key_of(), ACME))
    changes = LimitChanges(limits_beside(links))
    with pytest.raises(IntegrityFailure):
        changes.set(the_operator(), ACME, HIGH)

    changes.clear_all(the_operator())

    assert set_there() == {}
