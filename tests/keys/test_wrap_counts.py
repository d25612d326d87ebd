"""A KEK makes as many wraps as are safe, whoever makes them, and no more."""

from dataclasses import replace

import pytest

from sealring.domain.decision import new_epoch
from sealring.domain.kek import KekScope, KekUse
from sealring.errors import KeyExhausted, NameTaken
from sealring.keys.routing import ManagedKeks
from sealring.keys.wrap_counts import WrapCounts
from sealring.services.bindings import NewBinding
from sealring.store.connection.link import Link
from sealring_local.wrap import LocalProvider
from support.clock import Clock
from support.cmk import CATALOG, Key, gateway_to
from support.make import ACME, ENVIRONMENT, caller, context, on_provider, services
from support.roots import roots_of
from support.stores import memory, on_parts, parts_on

ME = caller(ACME)
LIMIT = 2**32  # NIST SP 800-38D 8.3, for nonces of 96 random bits


def counted():
    """A gateway to a provider whose keys may make only so many wraps."""
    return on_provider(LocalProvider(roots_of(bytes(32))), max_wraps=LIMIT)


@pytest.fixture
def store():
    return memory()


@pytest.fixture
def kek(store):
    """The KEK of the organization, before it has wrapped anything that was counted."""
    services(store, provider_gateway=counted()).data_keys.create(ME, context())
    store.audit.uses.clear()
    return store.keks.find(KekScope(ENVIRONMENT, ACME, context())).active


@pytest.fixture
def use(store, kek):
    """In another process."""
    return services(store, provider_gateway=counted())


def wrapped(store, kek, times):
    store.audit.uses.append(KekUse(kek.kek_id, kek.version, times, 0))


def create(use, name="name", **pairs):
    return use.objects.create(ME, name=name, value="v", context=context(**pairs))


def test_a_key_that_has_made_as_many_wraps_as_are_safe_makes_no_more(store, use, kek):
    wrapped(store, kek, LIMIT)
    before = store.actions()

    for write in (lambda: create(use), lambda: use.data_keys.create(ME, context())):
        with pytest.raises(KeyExhausted):
            write()

    assert store.actions() == before


def test_the_last_wrap_that_is_safe_is_made(store, use, kek):
    wrapped(store, kek, LIMIT - 1)

    create(use)

    with pytest.raises(KeyExhausted):
        create(use, "another")


def test_what_it_wrapped_opens_however_often_it_has_wrapped(store, use, kek):
    record, pair = create(use), use.data_keys.create(ME, context())
    wrapped(store, kek, LIMIT)
    fresh = services(store, provider_gateway=counted())

    assert fresh.objects.read(ME, str(record.id)).value == "v"
    assert fresh.data_keys.decrypt(ME, pair.wrapped).secret == pair.secret


def test_each_version_has_a_count_of_its_own(store, kek):
    wrapped(store, replace(kek, version=2), LIMIT)
    counts = WrapCounts(store.keks, lambda _: LIMIT)

    counts.admit(ENVIRONMENT, ACME, kek)

    with pytest.raises(KeyExhausted):
        counts.admit(ENVIRONMENT, ACME, replace(kek, version=2))


def test_another_key_goes_on(store, use, kek):
    wrapped(store, kek, LIMIT)

    assert create(use, organization_id=ACME, kind="x").current.key_id != kek.kek_id


def test_wraps_that_are_not_stored_yet_count_in_the_process_that_made_them(store, kek):
    wrapped(store, kek, LIMIT - 2)
    counts = WrapCounts(store.keks, lambda _: LIMIT)

    counts.admit(ENVIRONMENT, ACME, kek)
    counts.admit(ENVIRONMENT, ACME, kek)

    with pytest.raises(KeyExhausted):
        counts.admit(ENVIRONMENT, ACME, kek)


def test_what_others_wrapped_is_known_after_five_minutes(store, kek):
    clock = Clock()
    counts = WrapCounts(store.keks, lambda _: LIMIT, clock=clock)
    counts.admit(ENVIRONMENT, ACME, kek)
    wrapped(store, kek, LIMIT)

    clock.now += 299
    counts.admit(ENVIRONMENT, ACME, kek)
    clock.now += 2

    with pytest.raises(KeyExhausted):
        counts.admit(ENVIRONMENT, ACME, kek)


def test_what_a_restore_says_is_known_at_once(store, kek):
    """It raises the counts."""
    counts = WrapCounts(store.keks, lambda _: LIMIT)
    counts.admit(ENVIRONMENT, ACME, kek)
    wrapped(store, kek, LIMIT)

    counts.forget()

    with pytest.raises(KeyExhausted):
        counts.admit(ENVIRONMENT, ACME, kek)


@pytest.mark.parametrize(("times", "alarms"), [(2**30 - 1, 0), (2**30, 1), (2**31, 1)])
def test_there_is_an_alarm_at_a_quarter_of_it(store, kek, times, alarms):
    said = []
    wrapped(store, kek, times)
    counts = WrapCounts(store.keks, lambda _: LIMIT, said.append)

    for _ in range(3):
        counts.admit(ENVIRONMENT, ACME, kek)

    assert len(said) == alarms
    assert all(f"has made {times + 1} of 4294967296 wraps: rotate it" in each for each in said)


def test_a_provider_whose_keys_have_no_limit_is_asked_nothing(store, kek):
    """Of `local`: the store has no count of its wraps."""
    wrapped(store, kek, 2**60)
    use = services(store, provider_gateway=on_provider(LocalProvider(roots_of(bytes(32)))))

    create(use)

    assert [each for each in store.audit.uses if each.wraps] == [KekUse(kek.kek_id, 1, 2**60, 0)]


# --- what is counted, in a real store


@pytest.fixture
def parts(links):
    parts = parts_on(links)
    parts.markers.begin()
    return parts


def opened(parts, **options):
    return services(on_parts(parts), **{"provider_gateway": counted(), **options})


def counts_of(parts, kek_id):
    (flat,) = parts.links.call((b"HGETALL", parts.keyspace.kek_uses(ENVIRONMENT, ACME, kek_id)))
    return dict(zip(flat[::2], flat[1::2], strict=True))


def test_each_wrap_is_counted_and_each_data_key_that_leaves(parts):
    use = opened(parts)
    record = create(use)
    use.objects.update(ME, str(record.id), value="w", version_check=None, contexts=())
    pair = use.data_keys.create(ME, context())
    use.data_keys.rekey(ME, pair.wrapped, context())
    kek_id = record.current.key_id

    assert counts_of(parts, kek_id) == {b"w1": b"4", b"d1": b"2"}

    use.objects.read(ME, str(record.id))
    use.data_keys.decrypt(ME, pair.wrapped)
    use.objects.delete(ME, str(record.id), version_check=None)
    use.objects.restore(ME, str(record.id))

    assert counts_of(parts, kek_id) == {b"w1": b"4", b"d1": b"2"}


def test_data_keys_are_counted_where_wraps_need_not_be(parts):
    use = opened(parts, provider_gateway=on_provider(LocalProvider(roots_of(bytes(32)))))
    record = create(use)
    use.data_keys.create(ME, context())

    assert counts_of(parts, record.current.key_id) == {b"d1": b"1"}


def test_each_kek_of_a_value_is_counted(parts):
    use = opened(parts, per=ManagedKeks.ITEMS)

    record = create(use, organization_id=ACME, kind="x")

    assert [counts_of(parts, kek_id) for kek_id, _ in record.current.envelope.keys] == [{b"w1": b"1"}, {b"w1": b"1"}]


def test_a_customers_key_is_its_owners_to_count(parts):
    use = opened(parts, provider_gateway=gateway_to({"key_one": Key()}), catalog=CATALOG)
    record = bound(use)

    assert counts_of(parts, record.current.key_id).keys() == {b"v1", b"d1", b"a", b"s"}


def bound(use):
    new = NewBinding(org=ACME, match=context(organization_id=ACME), provider="cmk", key="key_one")
    use.bindings.create(ME, new, activate=True)
    use.data_keys.create(ME, context())
    return create(use)


def test_a_write_that_is_refused_is_not_counted(parts):
    use = opened(parts)
    record = create(use)

    with pytest.raises(NameTaken):
        create(use)

    assert counts_of(parts, record.current.key_id) == {b"w1": b"1"}


def test_a_write_that_begins_again_is_counted_once(parts, monkeypatch):
    """Its first EXEC is refused, since the bindings have changed."""
    use = opened(parts)
    record = create(use)
    epoch_key = parts.keyspace.epoch(parts.keyspace.home(ENVIRONMENT, ACME))
    before_exec(monkeypatch, lambda: parts.links.call((b"SET", epoch_key, new_epoch())))

    create(use, "another")

    assert counts_of(parts, record.current.key_id) == {b"w1": b"2"}


def test_counting_is_part_of_the_transaction_of_the_write(parts, monkeypatch):
    sent = []
    before_exec(monkeypatch, lambda: None, sent)

    record = create(opened(parts))

    uses = parts.keyspace.kek_uses(ENVIRONMENT, ACME, record.current.key_id)
    assert [(b"HINCRBY", uses, b"w1", 1) in commands for commands in sent] == [
        False,
        True,
    ]  # the KEK's own, the object's


def test_counting_is_part_of_the_send_before_a_data_key_leaves(parts, monkeypatch):
    use = opened(parts)
    use.data_keys.create(ME, context())
    sent, send = [], Link.send

    def listening(self, *commands):
        sent.append([command[0] for command in commands])
        return send(self, *commands)

    monkeypatch.setattr(Link, "send", listening)
    use.data_keys.create(ME, context())

    assert sent == [[b"XADD", b"HINCRBY", b"HINCRBY", b"GET", b"GET"]]


def before_exec(monkeypatch, act, sent=None):
    """Acts once, when the next transaction is about to be sent, and notes each."""
    send, waiting = Link.send, [act]

    def acting(self, *commands):
        if (b"MULTI",) in commands and any(command[0] == b"XADD" for command in commands):
            if sent is not None:
                sent.append(commands)
            if waiting:
                waiting.pop()()
        return send(self, *commands)

    monkeypatch.setattr(Link, "send", acting)
