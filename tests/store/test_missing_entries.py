"""Each worker numbers its entries without a gap, so that one that somebody took away is missed."""

from itertools import count

import pytest

from sealring.domain.events import Action
from sealring.domain.ports import Change
from sealring.errors import NameTaken
from sealring.services.visibility import event_of
from sealring.store.audit import RedisAudit
from sealring.store.connection.link import Link
from sealring.store.schema.audit_entry import decode_fields
from store.audit_kit import EVERYTHING
from store.every_use import WRITES, filled
from support.envelopes import ENVIRONMENT
from support.make import ACME, BETA, caller, context, gateway, services
from support.stores import on_parts, parts_on

ME = caller(ACME)


@pytest.fixture
def parts(links):
    parts = parts_on(links)
    parts.markers.begin()
    return parts


def stream(parts):
    """All entries that are stored, by counter."""
    found = []
    for partition in range(4):
        (page,) = parts.links.call((b"XRANGE", parts.keyspace.audit(partition), b"-", b"+"))
        found += [decode_fields(parts.keys, partition, fields) for _, fields in page]
    return sorted(found, key=lambda each: each.counter)


def missing(entries):
    """The counters of one worker of which nothing is told."""
    told = {each.counter for each in entries}.union(*(each.refused for each in entries))
    return set(range(1, max(told) + 1)) - told


def test_a_worker_numbers_its_entries_without_a_gap(parts):
    use = services(on_parts(parts))
    record = use.objects.create(ME, name="name", value="v", context=context())
    use.objects.read(ME, str(record.id))
    with pytest.raises(NameTaken):
        use.objects.create(ME, name="name", value="v", context=context())
    use.objects.delete(ME, str(record.id), version_check=None)

    entries = stream(parts)

    assert [each.counter for each in entries] == [1, 2, 3, 4]
    assert len({each.boot for each in entries}) == 1
    assert [each.refused for each in entries] == [()] * 4


def test_each_worker_numbers_its_own(parts):
    for _ in range(2):
        services(on_parts(parts), provider_gateway=gateway(bytes(32))).data_keys.create(ME, context())

    entries = stream(parts)

    assert len({each.boot for each in entries}) == 2
    assert [each.counter for each in entries] == [1, 1, 2]  # the first one made the KEK too


def contending(monkeypatch, act, times):
    """Acts before each of the next transactions."""
    send, left = Link.send, count(-times)

    def acting(self, *commands):
        if (b"MULTI",) in commands and any(command[0] == b"XADD" for command in commands) and next(left) < 0:
            act()
        return send(self, *commands)

    monkeypatch.setattr(Link, "send", acting)


def touched(parts, record):
    """Writes the record anew, as it is."""
    key = parts.keyspace.object(record.id)
    return lambda: parts.links.call((b"SET", key, parts.links.call((b"GET", key))[0]))


def test_a_later_entry_names_those_whose_transaction_was_refused(parts, monkeypatch):
    use = services(on_parts(parts))
    record = use.objects.create(ME, name="name", value="v", context=context())
    contending(monkeypatch, touched(parts, record), 2)

    use.objects.delete(ME, str(record.id), version_check=None)

    *_, last = stream(parts)
    assert (last.counter, last.refused) == (5, (3, 4))
    assert missing(stream(parts)) == set()


@pytest.mark.parametrize("use", WRITES.values(), ids=WRITES)
def test_every_write_that_begins_again_tells_of_the_entry_that_was_refused(parts, monkeypatch, use):
    there = filled(parts.links)
    markers = [(b"SET", key, parts.links.call((b"GET", key))[0]) for key in map(parts.keyspace.marker, range(4))]
    contending(monkeypatch, lambda: parts.links.call(*markers), 1)  # watched by all of them

    use(there)

    entries = stream(parts)
    boots = {each.boot for each in entries}
    (last,) = (each for each in entries if each.refused)
    assert len(last.refused) == 1
    assert [missing([each for each in entries if each.boot == boot]) for boot in boots] == [set()] * len(boots)


def test_an_entry_that_names_others_and_is_refused_too_is_named_with_them(parts, monkeypatch):
    """By one of another organization, in another partition."""
    store = on_parts(parts)
    use = services(store)
    record = use.objects.create(ME, name="name", value="v", context=context())

    def decide(current, _moment):
        touched(parts, record)()
        if len(asked) == 2:
            raise NameTaken
        asked.append(True)
        return Change(current, event_of(Action.OBJECT_UPDATED, current, ME))

    asked = []
    with pytest.raises(NameTaken):
        store.objects.amend(record.id, decide, None)
    assert parts.keyspace.partition(ENVIRONMENT, BETA) != record.id.partition

    use.data_keys.create(caller(BETA), context(organization_id=BETA))

    made = next(each for each in stream(parts) if each.event.org == BETA)
    assert set(made.refused) == {3, 4}
    assert missing(stream(parts)) == set()


def test_more_of_them_than_an_entry_has_room_for_are_named_by_several(parts):
    audit = RedisAudit(parts.links, parts.keyspace, parts.markers, parts.keys)
    for _ in range(300):
        audit.refused(audit.entry(EVERYTHING.event))

    for _ in range(3):
        audit.append(EVERYTHING.event)

    entries = stream(parts)
    assert max(len(each.refused) for each in entries) == 255
    assert missing(entries) == set()


def test_an_entry_that_somebody_took_away_is_missed(parts):
    use = services(on_parts(parts))
    for number in range(3):
        use.data_keys.create(ME, context(organization_id=ACME, n=str(number)))
    audit = parts.keyspace.audit(parts.keyspace.partition(ENVIRONMENT, ACME))
    (page,) = parts.links.call((b"XRANGE", audit, b"-", b"+"))
    parts.links.call((b"XDEL", audit, page[2][0]))

    assert missing(stream(parts)) == {3}
