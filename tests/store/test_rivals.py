"""A write whose answer was lost is known as our own, however quick a rival was."""

from dataclasses import replace

import pytest

from faults.proxy import Fault, Script
from sealring.domain.idempotency import IdempotentRequest
from sealring.errors import NotFound, OutcomeUnknown
from sealring.store.connection.links import Links
from support.make import ACME, ENVIRONMENT, caller, context, gateway, services
from support.stores import on_links

ME = caller(ACME)


@pytest.fixture
def store(links, proxy):
    """A store reached through the proxy; `links` emptied it."""
    through = Links.to(f"redis://{proxy.address}")
    yield on_links(through)
    through.close()


@pytest.fixture
def keys():
    return gateway(bytes(32))


@pytest.fixture
def use(store, keys):
    return services(store, provider_gateway=keys)


@pytest.fixture
def record(use):
    return use.objects.create(ME, name="first", value="one", context=context())


@pytest.fixture
def rival(links, keys):
    """Somebody else, with a connection that does not break."""
    direct = on_links(links)
    return services(direct, provider_gateway=keys).objects


def lose_an_answer(proxy, then):
    """Lose the next answer to a commit, and let a rival act before we look."""
    proxy.before_fault = then
    proxy.plan = Script(b"EXEC", Fault.LOSE)


def conflict(proxy, rivals_write, before=b"EXEC"):
    """Let a rival write between our read and our commit, or before another request of ours."""
    left = [rivals_write]
    proxy.plan = lambda request: left.pop()() if left and before in request else None


def test_a_create_answers_the_version_that_it_made(use, rival, proxy):
    def rivals_update():
        made = rival.read_by_name(ME, "name", None).record
        rival.update(ME, str(made.id), value="theirs", version_check=None, contexts=())

    use.objects.create(ME, name="first", value="one", context=context())
    lose_an_answer(proxy, rivals_update)

    created = use.objects.create(ME, name="name", value="ours", context=context())

    assert created.current.number == 1
    assert rival.read_by_name(ME, "name", None).record.current.number == 2


def test_an_update_answers_the_version_that_it_made(use, rival, record, proxy):
    """With the rival's version in hand, the client's next checked update would overwrite what it never saw."""

    def rivals_update():
        rival.update(ME, str(record.id), value="theirs", version_check=None, contexts=())

    lose_an_answer(proxy, rivals_update)

    updated = use.objects.update(ME, str(record.id), value="ours", version_check=None, contexts=())

    assert updated.current.number == 2
    assert rival.read(ME, str(record.id)).record.current.number == 3


def test_an_update_that_was_followed_by_a_delete_is_known_as_our_own(use, rival, record, proxy):
    lose_an_answer(proxy, lambda: rival.delete(ME, str(record.id), version_check=None))

    updated = use.objects.update(ME, str(record.id), value="ours", version_check=None, contexts=())

    assert updated.current.number == 2


def test_a_delete_that_met_a_rivals_update_is_done_all_the_same(use, rival, record, proxy):
    def rivals_update():
        rival.update(ME, str(record.id), value="theirs", version_check=None, contexts=())

    conflict(proxy, rivals_update)

    deleted = use.objects.delete(ME, str(record.id), version_check=None)

    assert not deleted.live
    with pytest.raises(NotFound):
        rival.read(ME, str(record.id))


def test_a_delete_that_was_followed_by_a_restore_is_not_done_again(use, store, rival, record, proxy):
    lose_an_answer(proxy, lambda: rival.restore(ME, str(record.id)))

    with pytest.raises(OutcomeUnknown):
        use.objects.delete(ME, str(record.id), version_check=None)

    assert rival.read(ME, str(record.id)).value == "one"
    assert store.actions().count("vault.object.deleted") == 1


@pytest.mark.parametrize("name", ["", "key-1"], ids=["nameless", "named"])
def test_a_delete_with_an_intent_is_known_as_our_own_even_then(use, store, rival, record, proxy, name):
    idempotent = IdempotentRequest(ENVIRONMENT, ME.principal.actor, name, b"DELETE /it", bytes(16))
    lose_an_answer(proxy, lambda: rival.restore(ME, str(record.id)))

    use.objects.delete(replace(ME, idempotent=idempotent), str(record.id), version_check=None)

    assert rival.read(ME, str(record.id)).value == "one"
    assert store.actions().count("vault.object.deleted") == 1


def test_a_delete_that_met_two_rivals_is_done_all_the_same(use, rival, record, proxy):
    """Nothing was lost, so nothing is unknown."""

    def rivals_updates():
        for value in ("theirs", "theirs again"):
            rival.update(ME, str(record.id), value=value, version_check=None, contexts=())

    conflict(proxy, rivals_updates)

    assert not use.objects.delete(ME, str(record.id), version_check=None).live


def never_arrives(proxy, rivals_write):
    """The next commit is lost on its way, and a rival writes in its place."""

    def written():
        rivals_write()
        return Fault.DROP

    conflict(proxy, written)


@pytest.mark.parametrize("times", [1, 2])
def test_an_update_that_never_arrived_is_made_after_whatever_was_written_in_its_place(use, rival, record, proxy, times):
    def rivals_updates():
        for _ in range(times):
            rival.update(ME, str(record.id), value="theirs", version_check=None, contexts=())

    never_arrives(proxy, rivals_updates)

    updated = use.objects.update(ME, str(record.id), value="ours", version_check=None, contexts=())

    assert updated.current.number == 2 + times
    assert rival.read(ME, str(record.id)).value == "ours"


def test_a_delete_that_never_arrived_is_done_after_what_was_written_in_its_place(use, rival, record, proxy):
    """Only one write has been made since it looked, and that is not its own."""
    never_arrives(proxy, lambda: rival.update(ME, str(record.id), value="theirs", version_check=None, contexts=()))

    assert not use.objects.delete(ME, str(record.id), version_check=None).live
    with pytest.raises(NotFound):
        rival.read(ME, str(record.id))


@pytest.mark.parametrize("before", [b"EXEC", b"}:n:"], ids=["before its commit", "before it looks at the name"])
def test_a_restore_that_met_a_rivals_restore_is_done(use, rival, record, proxy, before):
    use.objects.delete(ME, str(record.id), version_check=None)
    conflict(proxy, lambda: rival.restore(ME, str(record.id)), before)

    assert use.objects.restore(ME, str(record.id)).live


@pytest.fixture
def fill(links):
    yield lambda: links.call((b"CONFIG", b"SET", b"maxmemory", 1))
    links.call((b"CONFIG", b"SET", b"maxmemory", 0))


def test_a_write_that_is_refused_after_a_lost_answer_has_an_unknown_outcome(use, record, proxy, fill):
    drop = Script(b"EXEC", Fault.DROP)

    def drop_and_fill(request):
        fault = drop(request)
        if fault:
            fill()
        return fault

    proxy.plan = drop_and_fill

    with pytest.raises(OutcomeUnknown):
        use.objects.update(ME, str(record.id), value="two", version_check=None, contexts=())


def test_a_create_whose_answer_was_lost_is_known_in_a_full_store(use, record, proxy, fill):
    lose_an_answer(proxy, fill)

    assert use.objects.create(ME, name="name", value="v", context=context()).name == "name"
