"""Lost replies and a store that is away: nothing is applied twice, nothing is taken for a rival's, nobody waits long."""

import socket
import time
from dataclasses import replace

import pytest

from faults.proxy import Fault, Script
from sealring.domain.idempotency import IdempotentRequest
from sealring.errors import NotFound, OutcomeUnknown, StoreUnavailable
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


def test_a_create_whose_reply_was_lost_is_known_as_our_own(use, store, record, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    created = use.objects.create(ME, name="name", value="v", context=context())

    assert proxy.made == {Fault.LOSE: 1}
    assert use.objects.read_by_name(ME, "name", None).record.id == created.id
    assert store.actions().count("vault.object.created") == 2


def test_an_update_whose_reply_was_lost_is_known_as_our_own(use, store, record, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    updated = use.objects.update(ME, str(record.id), value="two", version_check=None, contexts=())

    assert updated.current.number == 2
    assert [each.number for each in use.versions.list(ME, str(record.id))] == [2, 1]
    assert store.actions().count("vault.object.updated") == 1


def test_an_update_that_was_followed_before_we_looked_is_not_applied_again(use, record, proxy, links, keys):
    """Our EXEC landed, its reply was lost, and somebody else updated the object meanwhile."""
    direct = on_links(links)
    rival = services(direct, provider_gateway=keys)

    def rivals_update():
        rival.objects.update(ME, str(record.id), value="theirs", version_check=None, contexts=())

    proxy.before_fault = rivals_update
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    use.objects.update(ME, str(record.id), value="ours", version_check=None, contexts=())

    assert use.objects.read(ME, str(record.id)).value == "theirs"
    assert [each.number for each in use.versions.list(ME, str(record.id))] == [3, 2, 1]


def test_a_delete_whose_reply_was_lost_is_known_as_our_own(use, store, record, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    use.objects.delete(ME, str(record.id), version_check=None)

    assert store.actions().count("vault.object.deleted") == 1


def test_a_first_use_whose_reply_was_lost_makes_one_kek(use, store, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)

    use.objects.create(ME, name="name", value="v", context=context())

    assert store.actions().count("vault.kek.created") == 1


def test_a_write_whose_reply_never_comes_has_an_unknown_outcome(use, record, proxy):
    proxy.plan = Script(b"EXEC", Fault.LOSE)
    proxy.before_fault = lambda: setattr(proxy, "frozen", True)

    with pytest.raises(OutcomeUnknown):
        use.objects.update(ME, str(record.id), value="two", version_check=None, contexts=())


def test_a_store_that_refuses_connections_is_unavailable_within_two_seconds(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    began = time.monotonic()

    with pytest.raises(StoreUnavailable):
        Links.to(f"redis://127.0.0.1:{port}").call((b"PING",))

    assert time.monotonic() - began < 2.0


def test_a_store_that_never_answers_is_unavailable_within_two_seconds():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()

        with pytest.raises(StoreUnavailable):
            Links.to(f"redis://127.0.0.1:{silent.getsockname()[1]}").call((b"PING",))

        assert time.monotonic() - began < 2.0


def test_a_link_that_broke_while_idle_is_replaced(links, valkey):
    links.call((b"SET", b"k", b"v"))
    Links.to(valkey).call((b"CLIENT", b"KILL", b"TYPE", b"normal", b"SKIPME", b"yes"))

    assert links.call((b"GET", b"k")) == [b"v"]


def test_clients_do_not_retry_behind_our_back(valkey):
    """redis-py's own retries would replay a MULTI without its WATCH."""
    link = Links.to(valkey)
    with link.borrow(b"") as borrowed:
        assert borrowed._connection.retry.get_retries() == 0
    link.close()


# --- a rival is quicker than our second look


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
